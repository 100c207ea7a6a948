//! How often a token may ask: a token bucket per token and class of request, and its `RateLimit` headers.
//!
//! The limiter sits in the token's own in-memory record, so a check is one compare-and-swap without any table lookup.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::error::{Error, Kind, Result};

/// `RateLimit-Policy`: what is allowed (draft-ietf-httpapi-ratelimit-headers).
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// `RateLimit`: what is left.
pub const REMAINING: HeaderName = HeaderName::from_static("ratelimit");

/// One class of requests of one token.
pub struct Bucket {
    name: &'static str,
    policy: HeaderValue,
    limiter: RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
}

impl Bucket {
    /// `per_second` requests, which may also come all at once; zero is read as one.
    pub fn new(name: &'static str, per_second: u32) -> Self {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let policy = format!("\"{name}\";q={per_second};w=1");
        Bucket {
            name,
            policy: HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("")),
            limiter: RateLimiter::direct(Quota::per_second(per_second)).with_middleware(),
            clock: DefaultClock::default(),
        }
    }

    /// Takes one request out of the bucket; answers how many are left in it.
    pub fn take(&self) -> Result<u32> {
        match self.limiter.check() {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(denied) => {
                let wait = denied.wait_time_from(self.clock.now());
                Err(self.refusal(wait))
            }
        }
    }

    fn refusal(&self, wait: Duration) -> Error {
        let detail = format!(
            "more than {} {} requests a second",
            self.limiter_quota(),
            self.name
        );
        let error = Error::retry_later(Kind::TooManyRequests, "rate_limited", detail, wait);
        error
            .header(POLICY, self.policy.clone())
            .header(REMAINING, left(self.name, 0))
    }

    fn limiter_quota(&self) -> &str {
        self.policy
            .to_str()
            .ok()
            .and_then(|policy| policy.split("q=").nth(1))
            .and_then(|rest| rest.split(';').next())
            .unwrap_or("")
    }

    /// Tells the client what it may ask and what is left.
    pub fn annotate(&self, headers: &mut HeaderMap, remaining: u32) {
        headers.insert(POLICY, self.policy.clone());
        headers.insert(REMAINING, left(self.name, remaining));
    }
}

/// `"predict";r=999;t=1`: a full bucket is back after one second at the latest.
fn left(name: &str, remaining: u32) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{name}\";r={remaining};t=1"))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[test]
    fn a_bucket_runs_dry_and_says_when_to_come_back() {
        let bucket = Bucket::new("other", 3);
        assert_eq!([2, 1, 0], [(); 3].map(|()| bucket.take().unwrap()));
        let response = bucket.take().unwrap_err().into_response();
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()[POLICY], "\"other\";q=3;w=1");
        assert_eq!(response.headers()[REMAINING], "\"other\";r=0;t=1");
    }
}
