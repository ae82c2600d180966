//! The cryptography of TLS connections, for nodes and exchanges at `https` addresses.
//!
//! `reqwest` is built without a provider of its own, so that none but `ring` is compiled: the other one is a C library that
//! took a tenth of the compiler's time on dependencies.

/// Makes `ring` the provider of this process, unless the program has chosen another before. Every HTTP client needs one, even
/// for addresses that are not `https`.
pub(crate) fn provide() {
    // An error says that there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use rustls::crypto::CryptoProvider;

    #[test]
    fn a_provider_is_there_and_stays() {
        super::provide();
        let first = CryptoProvider::get_default().map(std::sync::Arc::as_ptr);
        super::provide();
        assert!(first.is_some());
        assert_eq!(CryptoProvider::get_default().map(std::sync::Arc::as_ptr), first);
    }
}
