//! What DynamoDB's and the SDK's failures mean to a caller of the port: the one table.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>

use std::error::Error;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use bleepstore_core::ports::{StoreError, StoreErrorKind, was_refused};
pub(super) use bleepstore_core::remote::Access;

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It was not applied and would be, later.
    Throttled,
    /// It did not reach the store, or the store refuses for now.
    Unreached,
    /// Nobody knows whether it was applied.
    Unknown,
    /// It was not applied and never would be.
    Defect,
}

/// The error codes by what they mean. Any other code means what its status says.
const CODES: &[(Meaning, &[&str])] = &[
    (
        Meaning::Throttled,
        &[
            "ProvisionedThroughputExceededException",
            "ProvisionedThroughputExceeded",
            "RequestLimitExceeded",
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "ThrottlingError",
            "TooManyRequestsException",
            "LimitExceededException",
            // Another transaction holds the row for a moment, or another region's write came first.
            "TransactionConflictException",
            "TransactionConflict",
            "ReplicatedWriteConflictException",
        ],
    ),
    (
        Meaning::Unknown,
        &[
            // DynamoDB: a write that met an internal error may have been applied.
            "InternalServerError",
            "InternalServerErrorException",
            "InternalFailure",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "RequestTimeout",
            "RequestTimeoutException",
            "TransactionInProgressException",
        ],
    ),
    (
        Meaning::Defect,
        &[
            "ConditionalCheckFailedException",
            "ConditionalCheckFailed",
            "ValidationException",
            "ValidationError",
            "ItemCollectionSizeLimitExceededException",
            "ItemCollectionSizeLimitExceeded",
            "ResourceNotFoundException",
            "ResourceInUseException",
            "IdempotentParameterMismatchException",
            "DuplicateItemException",
            "DuplicateItem",
            "AccessDeniedException",
            "AccessDenied",
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "IncompleteSignatureException",
            "MissingAuthenticationTokenException",
            "ExpiredTokenException",
            "SerializationException",
            "UnknownOperationException",
        ],
    ),
];

fn code_meaning(code: Option<&str>, status: u16) -> Meaning {
    let known = code.and_then(|code| CODES.iter().find(|(_, codes)| codes.contains(&code)));
    match (known, status) {
        (Some((meaning, _)), _) => *meaning,
        (None, 429) => Meaning::Throttled,
        // A success that the SDK cannot read is a service error to it.
        (None, ..400 | 408 | 500..) => Meaning::Unknown,
        (None, _) => Meaning::Defect,
    }
}

fn meaning<E>(error: &SdkError<E, HttpResponse>) -> Meaning
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Meaning::Defect,
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) if was_refused(error) => Meaning::Unreached,
            Some(error) if error.is_user() => Meaning::Defect,
            _ => Meaning::Unknown,
        },
        SdkError::ServiceError(answer) => code_meaning(answer.err().code(), answer.raw().status().as_u16()),
        // A timeout, an answer that cannot be read, and what later SDKs may add.
        _ => Meaning::Unknown,
    }
}

/// Whether a write was certainly not applied and may be sent again.
pub(super) fn may_resend<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata + Error + 'static,
{
    matches!(meaning(error), Meaning::Throttled | Meaning::Unreached)
}

/// The error of a call that failed.
pub(super) fn store_error<E>(error: SdkError<E, HttpResponse>, access: Access) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let kind = kind(meaning(&error), access);
    StoreError::new(kind, DisplayErrorContext(&error).to_string())
}

const fn kind(meaning: Meaning, access: Access) -> StoreErrorKind {
    match (meaning, access) {
        (Meaning::Throttled, _) => StoreErrorKind::Throttled,
        (Meaning::Unreached, _) | (Meaning::Unknown, Access::Read) => StoreErrorKind::Unavailable,
        (Meaning::Unknown, Access::Write) => StoreErrorKind::Timeout,
        (Meaning::Defect, _) => StoreErrorKind::Internal,
    }
}

/// What the reasons of a cancelled transaction mean together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancellation {
    /// Some row was not as the transaction wanted it, or was being changed: look and try again.
    Contended,
    /// The table is too busy.
    Throttled,
    /// It can never be applied.
    Defect,
}

/// Judges the codes of the reasons, one for each action. `None` is the code of those that had none.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub(super) fn cancellation<'a>(codes: impl Iterator<Item = &'a str>) -> Cancellation {
    let mut judged = Cancellation::Contended;
    for code in codes.filter(|code| *code != "None") {
        match (code, code_meaning(Some(code), 400)) {
            ("ConditionalCheckFailed" | "TransactionConflict", _) => {}
            (_, Meaning::Throttled) => judged = Cancellation::Throttled,
            _ => return Cancellation::Defect,
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use std::io;

    use aws_sdk_dynamodb::error::ConnectorError;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
    }

    fn service(code: &str, status: u16) -> SdkError<PutItemError, HttpResponse> {
        let metadata = ErrorMetadata::builder().code(code).build();
        SdkError::service_error(PutItemError::generic(metadata), answer(status))
    }

    fn kinds(make: impl Fn() -> SdkError<PutItemError, HttpResponse>) -> (StoreErrorKind, StoreErrorKind) {
        (
            store_error(make(), Access::Read).kind,
            store_error(make(), Access::Write).kind,
        )
    }

    #[test]
    fn every_code_has_its_kind() {
        use StoreErrorKind::{Internal, Throttled, Timeout, Unavailable};
        let mut walked = 0;
        for (meaning, codes) in CODES {
            let expected = match meaning {
                Meaning::Throttled => (Throttled, Throttled),
                Meaning::Unreached => panic!("no code says that nothing arrived"),
                Meaning::Unknown => (Unavailable, Timeout),
                Meaning::Defect => (Internal, Internal),
            };
            for code in *codes {
                assert_eq!(kinds(|| service(code, 400)), expected, "{code}");
                assert_eq!(may_resend(&service(code, 400)), expected.0 == Throttled, "{code}");
                walked += 1;
            }
        }
        assert_eq!(walked, 40);
    }

    #[test]
    fn a_code_that_is_not_in_the_table_means_what_its_status_says() {
        use StoreErrorKind::{Internal, Throttled, Timeout, Unavailable};
        for (status, expected) in [
            (200, (Unavailable, Timeout)),
            (400, (Internal, Internal)),
            (403, (Internal, Internal)),
            (408, (Unavailable, Timeout)),
            (429, (Throttled, Throttled)),
            (500, (Unavailable, Timeout)),
            (502, (Unavailable, Timeout)),
            (503, (Unavailable, Timeout)),
            (504, (Unavailable, Timeout)),
        ] {
            assert_eq!(kinds(|| service("SomethingNew", status)), expected, "{status}");
        }
    }

    #[test]
    fn a_failure_without_an_answer_is_harmless_only_if_nothing_was_sent() {
        use StoreErrorKind::{Internal, Timeout, Unavailable};
        let io = |kind| SdkError::dispatch_failure(ConnectorError::io(io::Error::from(kind).into()));
        assert_eq!(
            kinds(|| io(io::ErrorKind::ConnectionRefused)),
            (Unavailable, Unavailable)
        );
        assert!(may_resend(&io(io::ErrorKind::ConnectionRefused)));
        assert_eq!(
            kinds(|| io(io::ErrorKind::ConnectionReset)),
            (Unavailable, Timeout)
        );
        assert_eq!(kinds(|| io(io::ErrorKind::UnexpectedEof)), (Unavailable, Timeout));
        assert!(!may_resend(&io(io::ErrorKind::ConnectionReset)));
        let timeout = || SdkError::dispatch_failure(ConnectorError::timeout("late".into()));
        assert_eq!(kinds(timeout), (Unavailable, Timeout));
        assert_eq!(kinds(|| SdkError::timeout_error("late")), (Unavailable, Timeout));
        let other = || SdkError::dispatch_failure(ConnectorError::other("no".into(), None));
        assert_eq!(kinds(other), (Unavailable, Timeout));
        let garbled = || SdkError::response_error("garbled", answer(200));
        assert_eq!(kinds(garbled), (Unavailable, Timeout));
        let user = || SdkError::dispatch_failure(ConnectorError::user("bad".into()));
        assert_eq!(kinds(user), (Internal, Internal));
        assert_eq!(
            kinds(|| SdkError::construction_failure("bad")),
            (Internal, Internal)
        );
    }

    #[test]
    fn the_worst_reason_decides_what_a_cancelled_transaction_means() {
        use Cancellation::{Contended, Defect, Throttled};
        let table: [(&[&str], Cancellation); 7] = [
            (&["None", "ConditionalCheckFailed"], Contended),
            (&["TransactionConflict", "None"], Contended),
            (
                &["ConditionalCheckFailed", "ProvisionedThroughputExceeded"],
                Throttled,
            ),
            (&["ThrottlingError", "None"], Throttled),
            (&["None", "ValidationError"], Defect),
            (&["ItemCollectionSizeLimitExceeded", "ThrottlingError"], Defect),
            (&["SomethingNew"], Defect),
        ];
        for (codes, expected) in table {
            assert_eq!(cancellation(codes.iter().copied()), expected, "{codes:?}");
        }
    }
}
