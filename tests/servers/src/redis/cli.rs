//! Runs `redis-cli` to read and write a server's data.

use crate::error::Result;
use crate::programs;

/// Runs one command. Returns the raw answer. Arguments may hold any bytes.
pub(crate) fn run<A: AsRef<[u8]>>(port: u16, args: &[A]) -> Result<Vec<u8>> {
    let port = port.to_string();
    // `-e`: fail if the server answers with an error.
    let mut line: Vec<String> = ["-p", &port, "-e", "--quoted-input"]
        .map(str::to_owned)
        .to_vec();
    line.extend(args.iter().map(|arg| quoted(arg.as_ref())));
    let mut answer = programs::output(&program()?, &line)?;
    if answer.last() == Some(&b'\n') {
        answer.pop();
    }
    Ok(answer)
}

/// Like [`run`], for answers that are text.
pub(crate) fn text<A: AsRef<[u8]>>(port: u16, args: &[A]) -> Result<String> {
    Ok(String::from_utf8_lossy(&run(port, args)?).into_owned())
}

pub(crate) fn program() -> Result<std::path::PathBuf> {
    programs::find("redis-cli", "redis-tools")
}

/// Quotes an argument for `redis-cli`; a command line can't carry a zero byte.
fn quoted(arg: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in arg {
        if byte.is_ascii_alphanumeric() || b" .:-_/*@".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text.push('"');
    text
}
