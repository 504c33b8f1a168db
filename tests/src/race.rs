//! Futures that start together.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Runs all of them at once, each on a task of its own, and returns their results in order. None
/// starts before all tasks are running.
pub async fn race<T, F>(contenders: Vec<F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(contenders.len()));
    let mut tasks = JoinSet::new();
    for (index, contender) in contenders.into_iter().enumerate() {
        let start = Arc::clone(&start);
        tasks.spawn(async move {
            start.wait().await;
            (index, contender.await)
        });
    }
    let mut results = tasks.join_all().await;
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs two different futures at once, as [`race`] does.
pub async fn race_two<A, B>(
    first: impl Future<Output = A> + Send + 'static,
    second: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let start = Arc::new(Barrier::new(2));
    let other = Arc::clone(&start);
    let second = tokio::spawn(async move {
        other.wait().await;
        second.await
    });
    let first = tokio::spawn(async move {
        start.wait().await;
        first.await
    });
    (
        first.await.expect("the first did not panic"),
        second.await.expect("the second did not panic"),
    )
}
