"""Spellings of paths. Each key is put, read, listed and deleted under the path as it is spelled here."""

from questions import answers

# By the question: the path below the bucket as it is sent, and the key that it names.
SPELLINGS = {
    "path-encoded-slash": ("p1/a%2Fb", "p1/a/b"),
    "path-double-slash": ("p2//b", "p2//b"),
    "path-leading-slash": ("/p3", "/p3"),
    "path-dot": ("p4/./b", "p4/./b"),
    "path-dot-dot": ("p5/a/../b", "p5/a/../b"),
    "path-encoded-dots": ("p6/%2E/%2e%2e/b", "p6/./../b"),
    "path-plus": ("p7/a+b", "p7/a+b"),
    "path-encoded-plus": ("p8/a%2Bb", "p8/a+b"),
    "path-space": ("p9/a%20b", "p9/a b"),
    "path-percent": ("p10/a%25b", "p10/a%b"),
    "path-encoded-percent": ("p11/a%252Fb", "p11/a%2Fb"),
    "path-unicode": ("p12/%C3%A9%F0%9F%9A%80", "p12/é🚀"),
    "path-lower-case-hex": ("p13/%c3%a9", "p13/é"),
    "path-trailing-slash": ("p14/a/", "p14/a/"),
    "path-punctuation": ("p15/%21%24%26%27%28%29%2A%2C%3A%3B%3D%40%5B%5D~", "p15/!$&'()*,:;=@[]~"),
    "path-question": ("p16/%3Fa%23b", "p16/?a#b"),
    "path-backslash": ("p17/a%5Cb", "p17/a\\b"),
    "path-1024-bytes": ("p18/" + "x" * 1020, "p18/" + "x" * 1020),
    "path-1024-encoded": ("p19/" + "%E4%B8%AD" * 340, "p19/" + "中" * 340),
}


def spelled(seen, path, key):
    ask, prefix = seen.within_the_bucket(), key.split("/")[0] + "/"
    prefix = "/" if key.startswith("/") else prefix
    body = key.encode()
    put = ask("PUT", path, body=body)
    seen.expect("PUT: 200", put.status == 200)
    listed = seen.place.keys(prefix)
    seen.note(f"listed: {[short(name) for name in listed]}")
    seen.expect(f"the key {short(key)!r}", listed == [key])
    got = ask("GET", path)
    seen.expect("GET: what was put", got.status == 200 and got.body == body)
    deleted = ask("DELETE", path)
    seen.expect("DELETE: 204", deleted.status == 204)
    seen.expect("nothing is left under the prefix", not seen.place.keys(prefix))


def short(key):
    return key if len(key) < 60 else f"{key[:20]}… ({len(key.encode())} bytes)"


for _id, (_path, _key) in SPELLINGS.items():
    answers(_id)(lambda seen, path=_path, key=_key: spelled(seen, path, key))
