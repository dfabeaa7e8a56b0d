//! What the tests share.

pub mod auditor;
pub mod backend;
pub mod business;
pub mod cable;
pub mod database;
pub mod downstream;
pub mod endpoint;
pub mod event;
pub mod gateway;
pub mod ledger;
pub mod outlet;
pub mod proxy;
pub mod publisher;
pub mod rabbitmq;
pub mod race;
pub mod raw_amqp;
pub mod scene;
pub mod seed;
pub mod servers;
pub mod stage;
pub mod traffic;
pub mod verdict;
pub mod victim;
pub mod wait;
