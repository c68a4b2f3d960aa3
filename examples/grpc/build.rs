//! Makes the service's traits and messages.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = protox::compile(["proto/accounts.proto"], ["proto"])?;
    tonic_prost_build::configure().compile_fds(files)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}
