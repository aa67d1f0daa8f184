//! Instants on the wire.

use domain::time::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
const NANOS_PER_MICRO: i64 = 1_000;

/// The instant, if it is one that can be written.
pub(crate) fn instant(value: &prost_types::Timestamp) -> Option<Timestamp> {
    let nanos = i64::from(value.nanos);
    if !(0..MICROS_PER_SECOND * NANOS_PER_MICRO).contains(&nanos) {
        return None;
    }
    let micros = value.seconds.checked_mul(MICROS_PER_SECOND)?.checked_add(nanos / NANOS_PER_MICRO)?;
    Timestamp::from_microsecond(micros)
}

/// The instant so many microseconds after 1970, for the wire.
pub(crate) fn timestamp(micros: i64) -> prost_types::Timestamp {
    let nanos = micros.rem_euclid(MICROS_PER_SECOND) * NANOS_PER_MICRO;
    prost_types::Timestamp {
        seconds: micros.div_euclid(MICROS_PER_SECOND),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}
