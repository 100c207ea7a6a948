//! Which names this server answers to, and from which pages a browser may ask it to change something.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use crate::api::error::{Error, Kind, Result};
use crate::config;

/// Which names this server answers to. A page that a browser loaded from elsewhere can make it send requests here under
/// another name (DNS rebinding) or with another Origin; both are refused before anything else is looked at.
pub struct Names {
    /// This machine's own, and the address listened on.
    own: Vec<String>,
    /// Those of the settings.
    allowed: Vec<String>,
}

impl Names {
    /// Loopback names, the address listened on, and `allowed_hosts` (separated by commas).
    pub fn new(server: &config::Server) -> Self {
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "[::1]"]
            .map(str::to_owned)
            .into();
        if !server.listen.ip().is_unspecified() {
            names.push(match server.listen.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
        let allowed = server.allowed_hosts.split(',').map(str::trim);
        let allowed = allowed.filter(|name| !name.is_empty()).map(str::to_owned);
        Names {
            own: names,
            allowed: allowed.collect(),
        }
    }

    /// Checks `Host`, and `Origin` where there is one.
    pub fn check(&self, headers: &HeaderMap) -> Result<()> {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        if !host.is_some_and(|host| self.knows(host)) {
            let detail = format!(
                "this server does not answer to the name {:?}; add it to server.allowed_hosts",
                host.unwrap_or("")
            );
            return Err(Error::new(Kind::Forbidden, "host_not_allowed", detail));
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let name = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, name)| name);
        if name.is_some_and(|name| self.knows(name)) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Forbidden,
            "origin_not_allowed",
            "requests from pages of other origins are not answered; add the host to server.allowed_hosts",
        ))
    }

    /// What a cookie wants of a request that changes something: the page that asks must be our own. Browsers send cookies to
    /// every port of a host, so the port counts too: the Origin is the Host that was asked, or a name in `allowed_hosts` when
    /// a proxy in between asks under another one.
    pub fn same_origin(&self, headers: &HeaderMap) -> Result<()> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let origin = text(header::ORIGIN).and_then(|origin| Some(origin.split_once("://")?.1));
        let host = text(header::HOST);
        let ours = origin.is_some_and(|origin| {
            host.is_some_and(|host| host.eq_ignore_ascii_case(origin)) || self.is_allowed(origin)
        });
        if ours {
            return Ok(());
        }
        Err(Error::new(
            Kind::Forbidden,
            "origin_required",
            format!(
                "a signed-in browser changes things from this server's own pages alone: the Origin must be that of {:?}; programs send a token",
                host.unwrap_or("")
            ),
        ))
    }

    fn is_allowed(&self, origin: &str) -> bool {
        self.allowed
            .iter()
            .any(|name| name.eq_ignore_ascii_case(origin))
    }

    /// The name without its port.
    fn knows(&self, host: &str) -> bool {
        let name = match host.rfind(':') {
            Some(at) if !host[at..].contains(']') => &host[..at],
            _ => host,
        };
        let mut known = self.own.iter().chain(&self.allowed);
        known.any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_with_and_without_its_port() {
        let names = Names::new(&config::Server::default());
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:99",
            "LOCALHOST",
        ] {
            assert!(names.knows(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "", "[::2]"] {
            assert!(!names.knows(host), "{host}");
        }
    }

    #[test]
    fn a_cookie_wants_the_origin_of_the_very_host_and_port() {
        let names = Names::new(&config::Server {
            allowed_hosts: "descent.example".to_owned(),
            ..config::Server::default()
        });
        let check = |host: &'static str, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            names.same_origin(&headers).is_ok()
        };
        assert!(check("127.0.0.1:8080", Some("http://127.0.0.1:8080")));
        assert!(check("descent.example", Some("https://descent.example")));
        // A proxy that asks under another name.
        assert!(check("127.0.0.1:8080", Some("https://descent.example")));
        for origin in [
            None,
            Some("null"),
            Some("http://127.0.0.1"),
            Some("http://127.0.0.1:3000"),
            Some("http://localhost:8080"),
            Some("http://descent.example:3000"),
            Some("http://evil.example"),
        ] {
            assert!(!check("127.0.0.1:8080", origin), "{origin:?}");
        }
    }
}
