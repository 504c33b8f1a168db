//! What the emulators of the tests need of this machine.

use std::process::Command;

use crate::report::Check;
use crate::run::output;

/// A place to run BleepStore in the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This machine alone.
    Local,
    /// MiniStack and moto, which are installed from PyPI.
    Aws,
    /// Google's emulator of Firestore, and fake-gcs-server from PyPI.
    Google,
    /// azurite, which is installed from npm. The emulator of Cosmos DB is a crate.
    Azure,
}

impl Place {
    /// The clouds.
    pub(crate) const EMULATED: [Self; 3] = [Self::Aws, Self::Google, Self::Azure];

    /// What runs there, for people.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Local => "the local server",
            Self::Aws => "the AWS deployment on MiniStack",
            Self::Google => "the Google Cloud deployment on its emulators",
            Self::Azure => "the Azure deployment on its emulators",
        }
    }

    /// What the names of the Rust tests that need it have in them.
    pub(crate) const fn names_of_tests(self) -> &'static [&'static str] {
        match self {
            Self::Local => &[],
            Self::Aws => &[
                "::aws_http",
                "::aws_lambda",
                "aws::",
                "blobs_in_s3",
                "dynamo_metadata",
                "loses_nothing_on_aws",
                "lose_nothing_on_aws",
                "moto_metadata",
                "on_lambda_",
                "over_http_",
                "what_one_process_wrote_another_one_reads",
                "written_on_aws_",
            ],
            Self::Google => &[
                "::gcp_h2c",
                "::gcp_http1",
                "firestore::",
                "firestore_metadata",
                "gcs::",
                "google_cloud::",
            ],
            Self::Azure => &[
                "::azure_functions",
                "azurite::",
                "behind_the_host_",
                "blobs_in_azure",
                "over_http_",
                "what_one_process_wrote_another_one_reads",
                "written_on_aws_",
            ],
        }
    }

    /// Whether the programs are there that install and run the emulators.
    pub(crate) fn is_there(self) -> Check {
        match self {
            Self::Local => Ok(()),
            Self::Aws => all(&[("python3", &["-m", "venv", "--help"])]),
            Self::Google => all(&[
                ("python3", &["-m", "venv", "--help"]),
                ("gcloud", &["--version"]),
                ("java", &["--version"]),
            ]),
            Self::Azure => all(&[("node", &["--version"]), ("npm", &["--version"])]),
        }
    }
}

fn all(programs: &[(&str, &[&str])]) -> Check {
    for (program, arguments) in programs {
        output(Command::new(program).args(*arguments))
            .map_err(|error| format!("{error}; CONTRIBUTING.md says what to install"))?;
    }
    Ok(())
}
