//! What the tests need around them.

use anyhow::Result;

use crate::services::{Service, Services, Session};
use crate::workspace::Workspace;
use crate::{foreign, native};

/// Gets ready whatever the tests use: libraries, foreign publishers, servers.
///
/// # Errors
/// When something is absent and cannot be installed, or a server does not start.
pub(crate) fn prepare(workspace: &Workspace) -> Result<Session> {
    native::ensure(&workspace.target("apt.log"))?;
    let mut session = Session::open(Services::at(workspace.target("services")), &Service::ALL)?;
    foreign::ensure(&workspace.target("foreign"), session.environment_mut())?;
    Ok(session)
}
