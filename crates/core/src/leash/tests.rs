//! Approvals as real tools make them, and as they should not be.
