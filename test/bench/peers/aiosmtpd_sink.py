# aiosmtpd with a handler that drops every message.
import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Sink:
    async def handle_DATA(self, server, session, envelope):
        return "250 2.0.0 Ok"


async def main():
    port, *files = sys.argv[1:]
    context = None
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Sink(), hostname="aiosmtpd.example", enable_SMTPUTF8=True),
        "127.0.0.1",
        int(port),
        ssl=context,
        backlog=4096,
    )
    await server.serve_forever()


asyncio.run(main())
