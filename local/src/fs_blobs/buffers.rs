//! Buffers that are used again and again.
//!
//! A fresh one of this size costs a page fault for every 4 KiB, which takes longer than filling it, and many of them
//! that come and go on different threads leave the heap in pieces.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes in a buffer.
pub(super) const SIZE: usize = 256 * 1024;

/// Buffers that are kept while nobody uses them.
const KEPT: usize = 32;

/// Where buffers wait to be used.
#[derive(Default)]
pub(super) struct Buffers(Mutex<Vec<Box<[u8]>>>);

impl Buffers {
    /// An empty buffer.
    pub(super) fn take(self: &Arc<Self>) -> Buffer {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Buffer {
            bytes: idle.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice()),
            length: 0,
            home: Arc::clone(self),
        }
    }
}

/// Up to [`SIZE`] bytes.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    length: usize,
    home: Arc<Buffers>,
}

impl Buffer {
    /// Takes as many of `bytes` as there is room for, and returns how many.
    pub(super) fn take_from(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(SIZE - self.length);
        self.bytes[self.length..self.length + taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
        taken
    }

    /// Has `fill` write `length` bytes, [`SIZE`] at most, over all that was there.
    pub(super) fn fill<E>(
        &mut self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.length = length.min(SIZE);
        fill(&mut self.bytes[..self.length])
    }

    pub(super) fn is_full(&self) -> bool {
        self.length == SIZE
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_buffer_has_what_it_was_given_and_nothing_of_its_last_use() {
        let buffers = Arc::new(Buffers::default());
        let mut first = buffers.take();
        assert_eq!(first.take_from(&vec![1; SIZE + 1]), SIZE);
        assert!(first.is_full());
        assert_eq!(first.take_from(b"more"), 0);
        drop(first);
        let mut second = buffers.take();
        assert_eq!(second.as_ref(), b"");
        assert_eq!(second.take_from(b"ab"), 2);
        assert_eq!(second.as_ref(), b"ab");
        second.fill(3, |mut bytes| bytes.write_all(b"xyz")).unwrap();
        assert_eq!(second.as_ref(), b"xyz");
    }

    #[test]
    fn no_more_buffers_are_kept_than_so_many() {
        let buffers = Arc::new(Buffers::default());
        let taken: Vec<Buffer> = (0..KEPT + 3).map(|_| buffers.take()).collect();
        drop(taken);
        assert_eq!(buffers.0.lock().unwrap().len(), KEPT);
    }
}
