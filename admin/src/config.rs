//! The command line.

use std::path::PathBuf;

use bleepstore_tools::{MigrateArgs, Result, Tool, arguments};
use clap::{Args, Parser, Subcommand};

/// What an operator does to a store, whichever deployment it belongs to.
#[derive(Debug, Parser)]
#[command(name = "bleepstore-admin", version)]
#[command(
    after_help = "Stores are named by the environment variables of their deployment, such as BLEEPSTORE_TABLE and \
    BLEEPSTORE_BLOB_BUCKET. To migrate, FROM_ or TO_ before a variable's name sets it for one of the two stores."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A subcommand that one store is enough for.
    #[command(flatten)]
    Tool(Tool<StoreArgs>),
    /// Copy the bytes and the records of a store into another, empty one; it can be stopped and run again
    Migrate(Migrate),
}

/// Which store.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreArgs {
    /// aws, gcp, azure, or local:FOLDER
    #[arg(long, value_name = "STORE", value_parser = store)]
    pub(crate) store: Store,
}

/// Arguments of `migrate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Migrate {
    /// The store to read: aws, gcp, azure, or local:FOLDER
    #[arg(long, value_name = "STORE", value_parser = store)]
    pub(crate) from: Store,
    /// The store to fill: aws, gcp, azure, or local:FOLDER
    #[arg(long, value_name = "STORE", value_parser = store)]
    pub(crate) to: Store,
    /// How.
    #[command(flatten)]
    pub(crate) migrate: MigrateArgs,
}

/// A store as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// DynamoDB and S3.
    Aws,
    /// Firestore and Cloud Storage.
    Gcp,
    /// Cosmos DB and Blob Storage.
    Azure,
    /// A data folder of the local server.
    Local(PathBuf),
}

fn store(text: &str) -> std::result::Result<Store, String> {
    match (text, text.strip_prefix("local:")) {
        ("aws", _) => Ok(Store::Aws),
        ("gcp", _) => Ok(Store::Gcp),
        ("azure", _) => Ok(Store::Azure),
        (_, Some(folder)) if !folder.is_empty() => Ok(Store::Local(folder.into())),
        _ => Err("expected aws, gcp, azure or local:FOLDER".to_owned()),
    }
}

impl Cli {
    /// The command that the arguments ask for. Help and version print themselves and end the process.
    pub(crate) fn command() -> Result<Command> {
        let cli: Self = arguments()?;
        Ok(cli.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_cloud_or_a_folder() {
        assert_eq!(store("aws"), Ok(Store::Aws));
        assert_eq!(store("gcp"), Ok(Store::Gcp));
        assert_eq!(store("azure"), Ok(Store::Azure));
        assert_eq!(store("local:/a:b"), Ok(Store::Local("/a:b".into())));
        assert!(store("local:").is_err() && store("local").is_err() && store("AWS").is_err());
    }

    #[test]
    fn every_subcommand_names_its_store() {
        for arguments in [
            &["gc", "--grace", "24h"][..],
            &["fsck"],
            &["export"],
            &["import", "file"],
            &["stats"],
            &["undelete", "s3://bucket", "--since", "2h"],
            &["credentials", "list"],
        ] {
            let all = ["bleepstore-admin"].iter().chain(arguments);
            assert!(Cli::try_parse_from(all.clone()).is_err(), "{arguments:?}");
            let parsed = Cli::try_parse_from(all.chain(&["--store", "gcp"]));
            assert!(parsed.is_ok(), "{parsed:?}");
        }
    }
}
