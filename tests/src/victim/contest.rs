//! The sessions that a victim brings to a race; the test says when it starts.

use consumer_sqlx::{mysql::MySqlStore, postgres::PgStore, sqlite::SqliteStore};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};

use crate::{
    backend::Backend,
    race::{Arena, Contest, Racing},
};

/// Runs rounds until standard input ends.
pub(super) async fn run(racing: &Racing) -> anyhow::Result<()> {
    match racing.backend {
        Backend::Postgres => serve(Contest::<PgStore>::enter(racing).await).await,
        Backend::MySql => serve(Contest::<MySqlStore>::enter(racing).await).await,
        Backend::Sqlite => serve(Contest::<SqliteStore>::enter(racing).await).await,
    }
}

/// For each round: its number comes in, `ready` goes out, a line comes in, the tally goes out.
async fn serve<S: Arena>(mut contest: Contest<S>) -> anyhow::Result<()> {
    let mut lines = BufReader::new(stdin()).lines();
    println!("entered");
    while let Some(number) = lines.next_line().await? {
        let tally = contest.round(number.parse()?, signal(&mut lines)).await;
        println!("{}", serde_json::to_string(&tally)?);
    }
    Ok(())
}

async fn signal(lines: &mut Lines<BufReader<Stdin>>) {
    println!("ready");
    // Without the test nobody waits for the outcome.
    let _ = lines.next_line().await;
}
