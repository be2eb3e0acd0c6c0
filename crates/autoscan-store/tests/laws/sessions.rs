//! Who is logged in. Each law holds for every store.

use std::time::Duration;

use autoscan_core::ports::Store;
use autoscan_core::session::{IDLE, KeptSession, LONGEST, MOST, SessionPrint};
use autoscan_core::time::Timestamp;

use crate::harness::*;

fn print(number: usize) -> SessionPrint {
    let mut print = [0xff; 32];
    print[..8].copy_from_slice(&number.to_be_bytes());
    print
}

fn session(number: usize, begun_at: Timestamp, used_at: Timestamp) -> KeptSession {
    KeptSession { print: print(number), credentials: [7; 32], begun_at, used_at }
}

async fn kept(store: &dyn Store, number: usize) -> Option<KeptSession> {
    store.session(print(number)).await.unwrap()
}

laws! {
    async fn a_session_is_kept_whole_renewed_and_ended(store: &dyn Store) {
        assert_eq!(kept(store, 1).await, None);
        store.begin_session(session(1, at(5), at(6))).await.unwrap();
        assert_eq!(kept(store, 1).await, Some(session(1, at(5), at(6))));
        store.renew_session(print(1), at(60)).await.unwrap();
        assert_eq!(kept(store, 1).await, Some(session(1, at(5), at(60))));
        assert_eq!(kept(store, 2).await, None);
        store.end_session(print(1)).await.unwrap();
        assert_eq!(kept(store, 1).await, None);
    }

    async fn a_session_that_was_ended_does_not_come_back_by_being_used(store: &dyn Store) {
        store.begin_session(session(1, at(5), at(5))).await.unwrap();
        store.end_session(print(1)).await.unwrap();
        store.renew_session(print(1), at(60)).await.unwrap();
        assert_eq!(kept(store, 1).await, None);
    }

    async fn beyond_the_most_the_one_that_was_used_longest_ago_is_forgotten(store: &dyn Store) {
        store.begin_session(session(0, at(0), at(1_000_000))).await.unwrap();
        let begun = (1..=MOST).map(|number| {
            store.begin_session(session(number, at(1), at(1 + i64::try_from(number).unwrap())))
        });
        for answer in futures_util::future::join_all(begun).await {
            answer.unwrap();
        }
        assert_eq!(kept(store, 1).await, None);
        assert!(kept(store, 0).await.is_some() && kept(store, 2).await.is_some());
        assert!(kept(store, MOST).await.is_some());
    }

    async fn a_sweep_takes_what_is_over_by_time(store: &dyn Store) {
        let now = at(0) + LONGEST;
        for (number, begun_at, used_at) in [
            (1, now, now),
            (2, now - IDLE, now - IDLE),
            (3, now - IDLE, now - IDLE + Duration::from_millis(1)),
            (4, now - LONGEST, now),
            (5, now - LONGEST + Duration::from_millis(1), now),
        ] {
            store.begin_session(session(number, begun_at, used_at)).await.unwrap();
            let over = kept(store, number).await.unwrap().is_over(now);
            assert_eq!(over, [2, 4].contains(&number));
        }
        assert_eq!(store.sweep_sessions(now).await.unwrap(), 2);
        assert_eq!(store.sweep_sessions(now).await.unwrap(), 0);
        for number in 1..=5 {
            assert_eq!(kept(store, number).await.is_none(), [2, 4].contains(&number));
        }
    }
}
