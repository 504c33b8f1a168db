//! S3's interface as a client sees it: one file per operation, each rule run against every deployment over
//! real sockets. Amazon's documentation is the specification.

mod put_object;
