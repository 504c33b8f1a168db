//! A client whose server may be killed under it.

use bleepstore_tests::http::{Connection, Endpoint, Front, Request, Response};

use crate::server::{ACCESS_KEY, SECRET_KEY, Server};

/// The server was killed before it answered: what was asked may have been done, or not.
#[derive(Debug)]
pub(crate) struct Killed;

/// A client with one connection.
pub(crate) struct Client {
    endpoint: Endpoint,
    connection: Option<Connection>,
}

impl Client {
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            endpoint: Endpoint {
                address: server.address,
                region: "us-east-1".to_owned(),
                access_key: ACCESS_KEY.to_owned(),
                secret_key: SECRET_KEY.to_owned(),
                session_token: None,
                front: Front::Nothing,
            },
            connection: None,
        }
    }

    /// A request to `/{bucket}` or `/{bucket}/{key}`.
    pub(crate) fn request(&self, method: &str, place: &str) -> Request {
        Request::new(&self.endpoint, method, &format!("/{place}"))
    }

    /// Sends a request and reads all of its response.
    pub(crate) fn send(&mut self, request: Request) -> Result<Response, Killed> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::try_open(self.endpoint.address, self.endpoint.front).map_err(|_| Killed)?,
        };
        let response = connection.try_send(&request.sign()).map_err(|_| Killed)?;
        if response.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(response)
    }

    /// Sends a request that must be answered with this status, unless the server is killed.
    #[track_caller]
    pub(crate) fn expect(&mut self, request: Request, status: u16) -> Result<Response, Killed> {
        Ok(self.send(request)?.assert_status(status))
    }
}
