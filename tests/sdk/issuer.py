"""An issuer of OpenID Connect on loopback: its keys, the tokens that it signs, and what it publishes by TLS."""

import base64
import contextlib
import datetime
import ipaddress
import json
import ssl
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from servers import pages


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return base64url(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Rsa:
    """A key for RS256."""

    algorithm = "RS256"

    def __init__(self, name):
        self.name = name
        self.key = rsa.generate_private_key(65537, 2048)

    def published(self):
        public = self.key.public_key().public_numbers()
        own = {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
        return {**own, "kid": self.name, "alg": self.algorithm, "use": "sig"}

    def sign(self, data):
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class Elliptic:
    """A key for ES256."""

    algorithm = "ES256"

    def __init__(self, name):
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())

    def published(self):
        public = self.key.public_key().public_numbers()
        own = {"kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32)}
        return {**own, "kid": self.name, "alg": self.algorithm, "use": "sig"}

    def sign(self, data):
        parts = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return b"".join(part.to_bytes(32, "big") for part in parts)


class Issuer:
    """What it publishes is read at `url`, by TLS, by those who trust `certificates`."""

    def __init__(self, folder, keys):
        self.keys = keys
        self.certificates = certify(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "issuer.pem")
        self.url = None

    @contextlib.contextmanager
    def serving(self):
        documents = {}
        with pages(documents, self.context) as host:
            self.url = f"https://{host}/realms/tests"
            published = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            listed = {"keys": [key.published() for key in self.keys]}
            for path, document in [("/.well-known/openid-configuration", published), ("/keys", listed)]:
                documents[f"/realms/tests{path}"] = "application/json", json.dumps(document).encode()
            yield self

    def token(self, key=None, **claims):
        """A token that is good, but for the claims that are given."""
        key = key or self.keys[0]
        now = int(time.time())
        usual = {"iss": self.url, "sub": "repo:photos:main", "aud": "bleepstore", "iat": now, "exp": now + 600}
        header = {"typ": "JWT", "alg": key.algorithm, "kid": key.name}
        parts = [base64url(json.dumps(part).encode()) for part in (header, {**usual, **claims})]
        signed = ".".join(parts)
        return f"{signed}.{base64url(key.sign(signed.encode()))}"


def certify(folder):
    """Writes the issuer's chain and key into `issuer.pem`; the certificate of the authority that made it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    authority_key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def certificate(name, key, is_authority):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority of the tests")])
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(hours=1))
        made = made.not_valid_after(now + datetime.timedelta(hours=1))
        made = made.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = made if is_authority else made.add_extension(names, critical=False)
        return made.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority = certificate("authority of the tests", authority_key, True)
    chain = certificate("issuer", own_key, False) + authority
    key = own_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "issuer.pem").write_bytes(key + chain)
    return authority.decode()
