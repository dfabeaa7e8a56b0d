//! What lapin reports, as our own errors.

use consumer_core::Error;
use lapin::ErrorKind;

use super::address::Address;

/// Reply codes of AMQP that decide what we do (section 1.2 of its specification).
pub(super) const ACCESS_REFUSED: u16 = 403;
pub(super) const NOT_FOUND: u16 = 404;
pub(super) const RESOURCE_LOCKED: u16 = 405;
pub(super) const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;

/// The reply code of the broker, if it was the broker who said no.
pub(super) fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// What the broker said, else what lapin says. Neither has the password.
pub(super) fn text(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        _ => error.to_string(),
    }
}

/// Whether it ended the connection, not only a channel.
pub(super) fn ends_connection(error: &lapin::Error) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(_) => error.is_amqp_hard_error(),
        ErrorKind::IOError(_) | ErrorKind::RuntimeShutdownError(_) => true,
        ErrorKind::ParsingError(_) | ErrorKind::SerialisationError(_) => true,
        ErrorKind::MissingHeartbeatError | ErrorKind::InvalidConnectionState(_) => true,
        _ => false,
    }
}

/// Why no connection came about.
pub(super) fn connecting(address: &Address, error: &lapin::Error) -> Error {
    let said = text(error);
    match (reply_code(error), error.kind()) {
        (Some(ACCESS_REFUSED), _) => Error::refused(format!(
            "RabbitMQ at {address} refuses user '{}': {said}; check user name and password in the address, special \
             characters percent-encoded",
            address.user(),
        )),
        (Some(NOT_ALLOWED), _) => Error::refused(format!(
            "RabbitMQ at {address} does not open virtual host '{vhost}' for user '{user}': {said}; create it with \
             `rabbitmqctl add_vhost {vhost}` and allow it with `rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' \
             '.*'`; the default virtual host `/` is written %2f",
            vhost = address.vhost(),
            user = address.user(),
        )),
        (_, ErrorKind::IOError(_)) => Error::unavailable(format!(
            "cannot reach RabbitMQ at {address}: {said}; is it running there, and is this its AMQP port?"
        )),
        (_, ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_)) => {
            Error::unavailable(format!(
                "what answers at {address} does not speak AMQP 0-9-1: {said}; is this the AMQP port, 5672 by default?"
            ))
        }
        _ => Error::unavailable(format!("cannot connect to RabbitMQ at {address}: {said}")),
    }
}
