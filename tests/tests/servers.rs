//! The servers that other tests run on do what is asked of them.

use sqlx::{Connection, PgConnection};
use tests::servers::{Nats, NatsOptions, Postgres, PostgresOptions};

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_what_was_committed() {
    let mut postgres = Postgres::start_with(PostgresOptions { fsync: true });
    let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
    sqlx::query("create table t (n int)").execute(&mut connection).await.unwrap();
    for n in 1..=3 {
        sqlx::query("insert into t values ($1)").bind(n).execute(&mut connection).await.unwrap();
        if n == 1 {
            postgres.kill();
        } else {
            postgres.stop();
        }
        assert!(PgConnection::connect(&postgres.url()).await.is_err(), "it still takes connections");
        postgres.resume();
        connection = PgConnection::connect(&postgres.url()).await.unwrap();
        let count: i64 =
            sqlx::query_scalar("select count(*) from t").fetch_one(&mut connection).await.unwrap();
        assert_eq!(count, i64::from(n));
    }
}

#[tokio::test]
async fn two_servers_of_a_kind_are_not_in_each_others_way() {
    let (one, other) = (Postgres::start(), Postgres::start());
    assert_ne!(one.url(), other.url());
    let (one, other) = (Nats::start(NatsOptions::default()), Nats::start(NatsOptions::default()));
    for server in [&one, &other] {
        async_nats::connect(server.url()).await.unwrap();
    }
    let url = one.url();
    drop(one);
    assert!(async_nats::connect(url).await.is_err(), "a server outlives its value");
}
