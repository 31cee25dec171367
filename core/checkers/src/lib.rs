//! Pure algorithms that judge a history.
