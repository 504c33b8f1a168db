//! Fields of Protocol Buffers' messages (<https://protobuf.dev/programming-guides/encoding/>), as far as they are read and
//! written here: those with a length, which are texts, bytes and messages.

/// The fields of a message that have a length, with their numbers, up to what is no field.
pub(super) fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            let (key, rest) = number(message)?;
            match key & 7 {
                0 => (_, message) = number(rest)?,
                1 => message = rest.get(8..)?,
                2 => {
                    let (length, rest) = number(rest)?;
                    let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                    message = rest;
                    return Some((key >> 3, value));
                }
                5 => message = rest.get(4..)?,
                _ => return None,
            }
        }
    })
}

/// The first field of this number.
pub(super) fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    fields(message).find_map(|(number, value)| (number == wanted).then_some(value))
}

/// A field of this number, which is below 16.
pub(super) fn encoded(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = value.len();
    while length > 0x7f {
        bytes.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend(value);
    bytes
}

/// A number of seven bits in each byte, the lowest first, and what is after it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_a_length_are_read_and_others_passed_over() {
        let long = vec![7; 300];
        let message = [
            &[0x08, 0x96, 0x01][..], // field 1, the number 150
            &encoded(2, b"two"),
            &[0x1d, 1, 2, 3, 4], // field 3, four bytes
            &encoded(4, &long),
        ];
        let message = message.concat();
        let read: Vec<_> = fields(&message).collect();
        assert_eq!(read, [(2, &b"two"[..]), (4, &long)]);
        assert_eq!(field(&message, 4).unwrap(), long);
        assert_eq!(field(&message, 5), None);
        assert_eq!(fields(&message[..20]).count(), 1);
    }
}
