//! The subcommands, and what each asks of the stores that it runs on.

use bleepstore_core::Ports;
use bleepstore_core::ops::check_formats;
use clap::{Args, Subcommand};

use crate::credentials::{self, CreateArgs, EndSessionsArgs, ListArgs, RevokeArgs, SetPolicyArgs, ShowArgs};
use crate::events::{self, DropArgs, RetryArgs};
use crate::export::{self, ExportArgs};
use crate::failure::{Failure, Result};
use crate::fsck::{self, FsckArgs};
use crate::gc::{self, GcArgs};
use crate::import::{self, ImportArgs};
use crate::signals::until_stopped;
use crate::stats::{self, StatsArgs};
use crate::undelete::{self, UndeleteArgs};

/// A subcommand on the stores that `S` names.
#[derive(Clone, Debug, Subcommand)]
pub enum Tool<S: Args> {
    /// Make, show, limit, list and revoke access keys, and end their sessions
    #[command(subcommand)]
    Credentials(Credentials<S>),
    /// List, retry and drop events that wait for a destination, or that were given up
    #[command(subcommand)]
    Events(Events<S>),
    /// Delete the bytes that no object names
    Gc(On<S, GcArgs>),
    /// Check that records and bytes agree; exit code 1 where they do not
    Fsck(On<S, FsckArgs>),
    /// Write all records, without the bytes of blobs, as JSON lines
    Export(On<S, ExportArgs>),
    /// Read an export into a metadata store that is empty
    Import(On<S, ImportArgs>),
    /// Say how much the store holds
    Stats(On<S, StatsArgs>),
    /// Bring back what was deleted or overwritten since a time, in a bucket that keeps versions; removes nothing
    Undelete(On<S, UndeleteArgs>),
}

/// What can be done with access keys.
#[derive(Clone, Debug, Subcommand)]
pub enum Credentials<S: Args> {
    /// Make an access key; its secret key is shown once
    Create(On<S, CreateArgs>),
    /// Show what is known of an access key, but not its secret key
    Show(On<S, ShowArgs>),
    /// Change what an access key may do
    SetPolicy(On<S, SetPolicyArgs>),
    /// List access keys, without their secret keys
    List(On<S, ListArgs>),
    /// Take an access key away
    Revoke(On<S, RevokeArgs>),
    /// End all temporary credentials that were given out so far, whoever's they are; keys stay
    EndSessions(On<S, EndSessionsArgs>),
}

/// What can be done with events.
#[derive(Clone, Debug, Subcommand)]
pub enum Events<S: Args> {
    /// List the events that wait for a destination, or that were given up, those of a key in their order
    List(On<S, events::ListArgs>),
    /// Put events that were given up back among those that wait
    Retry(On<S, RetryArgs>),
    /// Remove events for good: nobody is told of them
    Drop(On<S, DropArgs>),
}

/// The arguments of a subcommand, and those that name the stores.
#[derive(Clone, Debug, Args)]
pub struct On<S: Args, A: Args> {
    /// Where the stores are.
    #[command(flatten)]
    pub store: S,
    /// What to do.
    #[command(flatten)]
    pub args: A,
}

/// Whether anybody else may use the stores while a subcommand runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Others may.
    Shared,
    /// It may do more where nobody does.
    Preferred,
    /// Nobody may.
    Exclusive,
    /// Nobody may, and the stores may be new ones.
    New,
}

impl<S: Args> Tool<S> {
    /// The arguments that name the stores.
    pub fn store(&self) -> &S {
        match self {
            Self::Credentials(Credentials::Create(on)) => &on.store,
            Self::Credentials(Credentials::Show(on)) => &on.store,
            Self::Credentials(Credentials::SetPolicy(on)) => &on.store,
            Self::Credentials(Credentials::List(on)) => &on.store,
            Self::Credentials(Credentials::Revoke(on)) => &on.store,
            Self::Credentials(Credentials::EndSessions(on)) => &on.store,
            Self::Events(Events::List(on)) => &on.store,
            Self::Events(Events::Retry(on)) => &on.store,
            Self::Events(Events::Drop(on)) => &on.store,
            Self::Gc(on) => &on.store,
            Self::Fsck(on) => &on.store,
            Self::Export(on) => &on.store,
            Self::Import(on) => &on.store,
            Self::Stats(on) => &on.store,
            Self::Undelete(on) => &on.store,
        }
    }

    /// Who else may use the stores.
    pub fn holding(&self) -> Holding {
        match self {
            Self::Gc(on) if on.args.exclusive => Holding::Exclusive,
            Self::Gc(_) => Holding::Preferred,
            Self::Import(_) => Holding::New,
            Self::Credentials(_)
            | Self::Events(_)
            | Self::Fsck(_)
            | Self::Export(_)
            | Self::Stats(_)
            | Self::Undelete(_) => Holding::Shared,
        }
    }

    /// Does it, until it is done or a signal comes. `alone` says that the caller keeps everybody else from using the stores
    /// meanwhile.
    pub async fn run(&self, ports: &Ports, alone: bool) -> Result<()> {
        until_stopped(self.work(ports, alone)).await
    }

    async fn work(&self, ports: &Ports, alone: bool) -> Result<()> {
        known(ports).await?;
        match self {
            Self::Credentials(Credentials::Create(on)) => credentials::create(ports, &on.args).await,
            Self::Credentials(Credentials::Show(on)) => credentials::show(ports, &on.args).await,
            Self::Credentials(Credentials::SetPolicy(on)) => credentials::set_policy(ports, &on.args).await,
            Self::Credentials(Credentials::List(on)) => credentials::list(ports, &on.args).await,
            Self::Credentials(Credentials::Revoke(on)) => credentials::revoke(ports, &on.args).await,
            Self::Credentials(Credentials::EndSessions(_)) => credentials::end_sessions(ports).await,
            Self::Events(Events::List(on)) => events::list(ports, &on.args).await,
            Self::Events(Events::Retry(on)) => events::retry(ports, &on.args).await,
            Self::Events(Events::Drop(on)) => events::drop_them(ports, &on.args).await,
            Self::Gc(on) => gc::gc(ports, &on.args, alone).await,
            Self::Fsck(on) => fsck::fsck(ports, &on.args).await,
            Self::Export(on) => export::export(ports, &on.args).await,
            Self::Import(on) => import::import(ports, &on.args).await,
            Self::Stats(on) => stats::stats(ports, &on.args).await,
            Self::Undelete(on) => undelete::undelete(ports, &on.args).await,
        }
    }
}

/// Refuses stores of a format that this program does not know, before anything is done to them.
pub async fn known(ports: &Ports) -> Result<()> {
    let checked = check_formats(ports).await;
    checked.map_err(|error| Failure::new(error.to_string()))
}
