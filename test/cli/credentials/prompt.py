"""Types answers into a command that runs on a terminal of its own; prints what the terminal showed."""
import os
import pty
import select
import sys

answers = sys.argv[1].split("\\n")
command = sys.argv[2:]

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)

shown = b""
asked = 0
while True:
    ready, _, _ = select.select([terminal], [], [], 20)
    if not ready:
        break
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
    if asked < len(answers) and shown.endswith(b": "):
        os.write(terminal, answers[asked].encode() + b"\r")
        asked += 1

_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
