//! Signals: when to stop, and when to read the policies again.

/// Waits until somebody wants us to stop: an interrupt, or on Unix a
/// termination.
pub(crate) async fn stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                () = interrupt() => return,
            }
        }
    }
    interrupt().await;
}

async fn interrupt() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::error!(%error, "interrupts can't be seen");
        std::future::pending::<()>().await;
    }
}

/// Calls `reload` for every hang-up, where there is such a signal.
#[cfg(unix)]
pub(crate) fn on_hangup(reload: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    // Registered here and not in the task, so that none is missed that comes
    // right after the start.
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reload();
        }
    });
    Ok(())
}

/// Calls `reload` for every hang-up, where there is such a signal.
#[cfg(not(unix))]
pub(crate) fn on_hangup(_: impl Fn() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}
