//! Reading a range of rows in a store that is asked for some of them at a time, where some rows may show nothing.

use crate::ports::StoreResult;

/// What was read of a range, ascending, and the place to go on after, where there may be more.
pub type RangeRead<Row, Position> = (Vec<Row>, Option<Position>);

/// Rows in an order of their own, of which one call reads some.
pub trait RangeReads {
    /// Which rows are left to read.
    type Range;
    /// A row.
    type Row;
    /// What names a row's place in the order.
    type Position;

    /// Reads up to `limit` rows (1 or more) from the beginning of the range.
    fn read(
        &self,
        range: &Self::Range,
        limit: usize,
    ) -> impl Future<Output = StoreResult<RangeRead<Self::Row, Self::Position>>> + Send;

    /// What of the range lies after that place.
    fn after(range: Self::Range, position: &Self::Position) -> Self::Range;
}

/// What `show` makes of up to `limit` rows of a range, and the place of the last row that was read, where there may be more.
///
/// It is the rows that are counted and not what they show, so that rows that show nothing end a scan as any others do. A call
/// may answer fewer rows than it was asked for and not be the last: services bound answers by their size too.
pub async fn scan_range<R: RangeReads, T>(
    rows: &R,
    mut range: R::Range,
    limit: usize,
    show: impl Fn(&R::Row) -> StoreResult<Option<T>>,
) -> StoreResult<RangeRead<T, R::Position>> {
    let (mut items, mut read) = (Vec::new(), 0);
    loop {
        let (found, last) = rows.read(&range, limit - read).await?;
        read += found.len();
        for row in &found {
            items.extend(show(row)?);
        }
        match last {
            Some(last) if read < limit => range = R::after(range, &last),
            last => return Ok((items, last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Numbers from 1 on, of which no call answers more than `at_once`.
    struct Numbers {
        last: u64,
        at_once: usize,
        /// What each call asked for.
        asked: Mutex<Vec<usize>>,
    }

    impl RangeReads for Numbers {
        /// What lies after this number.
        type Range = u64;
        type Row = u64;
        type Position = u64;

        async fn read(&self, after: &u64, limit: usize) -> StoreResult<(Vec<u64>, Option<u64>)> {
            self.asked.lock().unwrap().push(limit);
            let found: Vec<u64> = (after + 1..=self.last).take(limit.min(self.at_once)).collect();
            let last = found.last().copied().filter(|last| *last < self.last);
            Ok((found, last))
        }

        fn after(_: u64, position: &u64) -> u64 {
            *position
        }
    }

    /// A scan that shows multiples of `shown`, and what its calls asked for.
    async fn scan(numbers: Numbers, limit: usize, shown: u64) -> (Vec<u64>, Option<u64>, Vec<usize>) {
        let show = |number: &u64| Ok(number.is_multiple_of(shown).then_some(*number));
        let (items, last) = scan_range(&numbers, 0, limit, show).await.unwrap();
        (items, last, numbers.asked.into_inner().unwrap())
    }

    fn numbers(last: u64, at_once: usize) -> Numbers {
        Numbers {
            last,
            at_once,
            asked: Mutex::default(),
        }
    }

    #[tokio::test]
    async fn a_scan_ends_after_as_many_rows_as_its_limit_whatever_they_show() {
        let read = scan(numbers(1_000_000, 1_000), 10, 1_000_000).await;
        assert_eq!(read, (vec![], Some(10), vec![10]));
        let read = scan(numbers(1_000_000, 1_000), 10, 4).await;
        assert_eq!(read, (vec![4, 8], Some(10), vec![10]));
        assert_eq!(
            scan(numbers(10, 1_000), 10, 4).await,
            (vec![4, 8], None, vec![10])
        );
    }

    #[tokio::test]
    async fn answers_that_are_cut_short_make_one_page() {
        let read = scan(numbers(100, 4), 10, 1).await;
        assert_eq!(read, ((1..=10).collect(), Some(10), vec![10, 6, 2]));
        let read = scan(numbers(7, 4), 10, 1).await;
        assert_eq!(read, ((1..=7).collect(), None, vec![10, 6]));
    }
}
