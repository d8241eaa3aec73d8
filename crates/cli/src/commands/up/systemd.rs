//! What systemd is told (sd_notify(3)). Without systemd nothing is sent.

use sd_notify::NotifyState;
use std::time::Duration;

/// Ready, or done with reloading.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Still alive.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// Reading the config again.
pub(super) fn reloading() {
    let since = NotifyState::monotonic_usec_now();
    match since {
        Ok(since) => tell(&[NotifyState::Reloading, since]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// On the way out.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Within which time systemd wants to hear from us.
pub(super) fn watchdog() -> Option<Duration> {
    let mut micros = 0;
    sd_notify::watchdog_enabled(false, &mut micros).then(|| Duration::from_micros(micros))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
