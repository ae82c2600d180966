//! Memory that was freed, given back to the system.
//!
//! An allocator keeps what a program frees, for each thread apart, and a proof frees columns of many sizes on all threads: what one
//! stage left behind is memory that the next takes anew.
#![allow(unsafe_code)]

/// Returns free pages to the system, where its allocator can: with glibc. It takes a few milliseconds.
pub(crate) fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` is thread-safe, takes a number and touches no memory that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
