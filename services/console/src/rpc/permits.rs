//! How many streams there may be at once: of all callers, and of one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tonic::Code;

use crate::error::Failure;

/// Gives permits out. A caller is known by his token: what it says is for the services to find out.
#[derive(Clone)]
pub(crate) struct Permits {
    all_max: usize,
    caller_max: usize,
    /// How many are out, by caller. There are at most as many callers as permits.
    out: Arc<Mutex<HashMap<Arc<str>, usize>>>,
}

impl Permits {
    pub(crate) fn new(all_max: usize, caller_max: usize) -> Self {
        Self { all_max, caller_max, out: Arc::default() }
    }

    /// A permit for one stream, which ends with it.
    pub(super) fn take(&self, caller: &str) -> Result<Permit, Failure> {
        let mut out = self.out();
        if out.values().sum::<usize>() >= self.all_max {
            return Err(too_many("there are too many streams at the moment; end some, or try again later"));
        }
        let caller = Arc::from(caller);
        let taken = out.entry(Arc::clone(&caller)).or_default();
        if *taken >= self.caller_max {
            return Err(too_many("there are too many streams with this token; end some, or try again later"));
        }
        *taken += 1;
        Ok(Permit { caller, of: self.clone() })
    }

    /// Nothing can be half done while this is held, so that a thread that died with it left it whole.
    fn out(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many(message: &str) -> Failure {
    Failure::again(Code::ResourceExhausted, "TOO_MANY_STREAMS", message)
}

/// The right to one stream.
pub(super) struct Permit {
    caller: Arc<str>,
    of: Permits,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut out = self.of.out();
        if let Some(taken) = out.get_mut(&self.caller) {
            *taken -= 1;
            if *taken == 0 {
                out.remove(&self.caller);
            }
        }
    }
}
