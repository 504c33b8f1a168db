mod discovery;
mod hosts;
mod issuer;
mod keys;
mod sockets;
mod tokens;
