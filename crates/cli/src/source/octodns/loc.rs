//! LOC (RFC 1876 §2): octoDNS' twelve fields to sixteen octets.

use super::fields::{Fields, Look};
use super::tree::{Fault, Id};
use crate::diag::shown;

const FIELDS: &[&str] = &[
    "lat_degrees",
    "lat_minutes",
    "lat_seconds",
    "lat_direction",
    "long_degrees",
    "long_minutes",
    "long_seconds",
    "long_direction",
    "altitude",
    "size",
    "precision_horz",
    "precision_vert",
];

/// The middle of the range of angles: equator and prime meridian.
const ZERO_ANGLE: i64 = 1 << 31;
/// The altitude, in centimetres, below the spheroid at which counting starts.
const DEEPEST_CM: f64 = 10_000_000.0;

pub(super) fn read(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let fields = look.fields(id, "a value of LOC", FIELDS)?;
    let latitude = angle(
        look,
        &fields,
        ["lat_degrees", "lat_minutes", "lat_seconds", "lat_direction"],
        90,
        ["N", "S"],
    )?;
    let longitude = angle(
        look,
        &fields,
        [
            "long_degrees",
            "long_minutes",
            "long_seconds",
            "long_direction",
        ],
        180,
        ["E", "W"],
    )?;
    let altitude = decimal(look, fields.need(&["altitude"])?, -100_000.0, 42_849_672.95)?;
    let altitude = (altitude * 100.0 + DEEPEST_CM).round() as u32;
    let mut wire = vec![0];
    for name in ["size", "precision_horz", "precision_vert"] {
        let metres = decimal(look, fields.need(&[name])?, 0.0, 90_000_000.0)?;
        wire.push(power_of_ten((metres * 100.0).round() as u64));
    }
    for number in [latitude, longitude, altitude] {
        wire.extend_from_slice(&number.to_be_bytes());
    }
    Ok(wire)
}

/// Thousandths of a second of arc, from [`ZERO_ANGLE`] on.
fn angle(
    look: &Look<'_, '_>,
    fields: &Fields,
    [degrees, minutes, seconds, direction]: [&str; 4],
    most: u32,
    [plus, minus]: [&str; 2],
) -> Result<u32, Fault> {
    let degrees_at = fields.need(&[degrees])?;
    let degrees = look.number(degrees_at, most)?;
    let minutes = look.number(fields.need(&[minutes])?, 59)?;
    let seconds = decimal(look, fields.need(&[seconds])?, 0.0, 59.999)?;
    let direction = fields.need(&[direction])?;
    let arc = i64::from(degrees * 60 + minutes) * 60_000 + (seconds * 1000.0).round() as i64;
    if arc > i64::from(most) * 3_600_000 {
        let message = format!("the angle is beyond {most} degrees");
        return Err(look.fault(degrees_at, "bad-number", message, "correct it"));
    }
    let sign = match look.text(direction)? {
        text if text.eq_ignore_ascii_case(plus) => 1,
        text if text.eq_ignore_ascii_case(minus) => -1,
        text => {
            let message = format!("`{}` is no direction here", shown(text));
            let help = format!("write {plus} or {minus}");
            return Err(look.fault(direction, "bad-text", message, help));
        }
    };
    Ok((ZERO_ANGLE + sign * arc) as u32)
}

/// A number that may have decimals, with or without quotes.
fn decimal(look: &Look<'_, '_>, id: Id, least: f64, most: f64) -> Result<f64, Fault> {
    let text = look.raw(id)?;
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    let number = text.parse::<f64>().ok().filter(|_| plain);
    number
        .filter(|n| (least..=most).contains(n))
        .ok_or_else(|| {
            let message = format!("`{}` is not a number from {least} to {most}", shown(text));
            look.fault(
                id,
                "bad-number",
                message,
                "write digits, with a dot before decimals",
            )
        })
}

/// One digit and a power of ten, the nearest below (RFC 1876 §2).
fn power_of_ten(centimetres: u64) -> u8 {
    let (mut digit, mut power) = (centimetres, 0);
    while digit > 9 {
        digit /= 10;
        power += 1;
    }
    (digit as u8) << 4 | power
}
