//! CloudEvents 1.0 over AMQP, binary and structured.
