//! A server of unary and server-streaming gRPC calls over HTTP/2 without TLS, for one client that is known: it reads no
//! headers (the messages tell the methods apart), and its answers fit the client's windows.
//! <https://www.rfc-editor.org/rfc/rfc9113>, <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// What comes before each message: that it is not compressed, and its length.
const PREFIX: usize = 5;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// Serves a connection: `answer` gives the messages that answer a message.
pub(super) fn serve(connection: TcpStream, answer: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> io::Result<()> {
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    let mut preface = [0; PREFACE.len()];
    reader.read_exact(&mut preface)?;
    if preface != PREFACE {
        return Err(io::Error::other("not HTTP/2"));
    }
    writer.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    let mut bodies: HashMap<u32, Vec<u8>> = HashMap::new();
    while let Some(read) = next_frame(&mut reader)? {
        match read.kind {
            SETTINGS if read.flags & ACK == 0 => writer.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            PING if read.flags & ACK == 0 => writer.write_all(&frame(PING, ACK, 0, &read.payload))?,
            DATA => bodies.entry(read.stream).or_default().extend(read.payload),
            GOAWAY => return Ok(()),
            _ => {}
        }
        if matches!(read.kind, DATA | HEADERS) && read.flags & END_STREAM != 0 {
            let body = bodies.remove(&read.stream).unwrap_or_default();
            let message = body.get(PREFIX..).unwrap_or_default();
            writer.write_all(&answered(read.stream, &answer(message)))?;
        }
    }
    Ok(())
}

/// The next frame; `None` at the end of the connection.
fn next_frame(reader: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut head = [0; 9];
    match reader.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = head;
    let length = usize::from(l1) << 16 | usize::from(l2) << 8 | usize::from(l3);
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload)?;
    Ok(Some(Frame {
        kind,
        flags,
        stream: u32::from_be_bytes([s1, s2, s3, s4]),
        payload,
    }))
}

/// All frames of a call's answer: a head, the messages, and that all went well.
fn answered(stream: u32, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for message in messages {
        body.push(0);
        body.extend(&length(message).to_be_bytes());
        body.extend(message);
    }
    // The eighth entry of the static table is the status 200.
    let head = [&[0x88][..], &header("content-type", "application/grpc")].concat();
    [
        frame(HEADERS, END_HEADERS, stream, &head),
        frame(DATA, 0, stream, &body),
        frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            &header("grpc-status", "0"),
        ),
    ]
    .concat()
}

/// A header field with its name and value as they are (<https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2>).
fn header(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        // Short texts only: longer lengths are written otherwise.
        field.push(length(text.as_bytes()).to_be_bytes()[3]);
        field.extend(text.as_bytes());
    }
    field
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = length(payload).to_be_bytes();
    let head = [&length[..], &[kind, flags], &stream.to_be_bytes()];
    [&head.concat(), payload].concat()
}

/// Nothing here is larger than a request that was read.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::Shutdown;

    use super::*;
    use crate::start::loopback;

    #[test]
    fn a_call_is_answered_with_its_messages_and_a_status() {
        let double = |message: &[u8]| vec![message.to_vec(), message.to_vec()];
        let address = loopback::listen(move |connection| serve(connection, double)).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let call = [
            PREFACE,
            &frame(SETTINGS, 0, 0, &[]),
            &frame(HEADERS, END_HEADERS, 1, &[0x83]),
            &frame(DATA, 0, 1, b"\0\0\0\0\x02h"),
            &frame(DATA, END_STREAM, 1, b"i"),
        ];
        client.write_all(&call.concat()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut frames = Vec::new();
        while let Some(read) = next_frame(&mut client).unwrap() {
            frames.push((read.kind, read.flags, read.stream, read.payload));
        }
        let status = [b"\0\x0bgrpc-status\x01".as_slice(), b"0"].concat();
        let head = [b"\x88\0\x0ccontent-type\x10".as_slice(), b"application/grpc"].concat();
        let expected = [
            (SETTINGS, 0, 0, Vec::new()),
            (SETTINGS, ACK, 0, Vec::new()),
            (HEADERS, END_HEADERS, 1, head),
            (DATA, 0, 1, b"\0\0\0\0\x02hi\0\0\0\0\x02hi".to_vec()),
            (HEADERS, END_HEADERS | END_STREAM, 1, status),
        ];
        assert_eq!(frames, expected);
    }
}
