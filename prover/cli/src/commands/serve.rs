//! `zkpoc round serve`: a folder of shares, models, acknowledgements, complaints and openings over HTTP, until Ctrl-C.
//!
//! The warning about what openings disclose goes to standard error. With `--json` one line with the URL is printed as soon
//! as it listens, and the answer of the command follows when it stops.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use zkpoc_circuits::profile::Profile;

use crate::error::Error;
use crate::{Answer, Session};
use zkpoc_client::exchange::acknowledgement::Acknowledgement;
use zkpoc_client::exchange::complaint::Complaint;
use zkpoc_client::exchange::http::{Acceptance, DEFAULT_LISTEN};
use zkpoc_client::exchange::share;
use zkpoc_client::exchange::{Checker, Folder, Item, Kind, Limits, Quota, Server};
use zkpoc_prover::srs::Srs;

/// Arguments of `round serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The profile.
    profile: String,
    /// The folder; made if it is not there.
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// Address and port to listen on; everyone who reaches it can read all openings.
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Also take openings and shares, after recomputing their commitments, and acknowledgements and complaints.
    #[arg(long)]
    accept: bool,
    /// Reference string, to check what is taken [default: the one in the home].
    #[arg(long, value_name = "FILE", requires = "accept")]
    srs: Option<PathBuf>,
}

impl ServeArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let profile = session.profile(&self.profile)?;
        let folder = Folder::create(&self.folder, Limits::of(&profile))?.with_quota(Quota::default());
        let acceptance = match self.accept {
            true => {
                let srs = session.srs(self.srs.as_deref(), profile.k)?;
                // Said now rather than with each upload.
                Checker::new(&profile, &srs)?;
                Some(acceptance(profile, srs))
            }
            false => None,
        };
        let counted = folder.clone();
        let server = Server::bind(self.listen, folder, acceptance)?;
        let (url, shown) = (server.url(), self.folder.display().to_string());
        let mut errors = std::io::stderr();
        let _told = writeln!(
            errors,
            "warning: every opening gives away the records of its shard to all who can read {shown} or reach {url}; there \
             is no TLS and no login{}",
            match self.listen.ip().is_loopback() {
                true => "",
                false => ", and this address is not only for this machine",
            }
        );
        let mut output = std::io::stdout();
        let _told = match session.json() {
            true => writeln!(output, "{}", json!({ "url": url, "folder": shown, "accepts": self.accept })),
            false => writeln!(output, "serving {shown} at {url}; stop with Ctrl-C"),
        };
        let _told = output.flush();
        server.run(stopped())?;
        let [shares, openings, acknowledgements] = [Kind::Shares, Kind::Openings, Kind::Acknowledgements]
            .map(|kind| counted.list(kind).map(|items| items.len()));
        let (shares, openings, acknowledgements) = (shares?, openings?, acknowledgements?);
        let text =
            format!("stopped; {shares} shares, {openings} openings and {acknowledgements} acknowledgements in {shown}");
        let json = json!({
            "stopped": url, "shares": shares, "openings": openings, "acknowledgements": acknowledgements,
        });
        Ok(Answer::new(text, json))
    }
}

/// Openings and shares must open the commitments of their id; acknowledgements and complaints must be signed by the account
/// they are stored under.
fn acceptance(profile: Profile, srs: Srs) -> Acceptance {
    Arc::new(move |item, bytes| match item {
        Item::Opening(id) => {
            let checker = Checker::new(&profile, &srs).map_err(|error| error.to_string())?;
            checker.read("the opening", *id, bytes).map(|_| ()).map_err(|error| error.to_string())
        }
        Item::Acknowledgement { .. } => {
            let said = Acknowledgement::from_json(bytes).map_err(|error| error.to_string())?;
            match said.item() == *item {
                true => Ok(()),
                false => Err(format!("the acknowledgement is that of {}", said.item())),
            }
        }
        Item::Model(_) => Err("models are not taken from outside".into()),
        Item::Share(id) => {
            let checker = share::Checker::new(&profile, &srs).map_err(|error| error.to_string())?;
            let checker = checker.ok_or("the reference string is of another size")?;
            checker.read("the share", *id, bytes).map(|_| ()).map_err(|error| error.to_string())
        }
        Item::Complaint { .. } => {
            let said = Complaint::from_json(bytes).map_err(|error| error.to_string())?;
            match said.item() == *item {
                true => Ok(()),
                false => Err(format!("the complaint is that of {}", said.item())),
            }
        }
    })
}

/// Ctrl-C, or the system's request to end.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{signal, SignalKind};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _stop = tokio::signal::ctrl_c().await;
}
