# Signs messages by python3-dkim. Reads JSON from stdin: a list of {message (latin1), steps: [...]}, where a step is
# {"sign": {...}} or {"seal": {...}}; writes the signed messages as JSON.
import base64
import json
import sys

import dkim
from nacl.signing import SigningKey

ED25519 = SigningKey(bytes(range(32)))


def private_key(name, rsa):
    if name == "ed25519-sha256":
        return base64.b64encode(bytes(ED25519))
    return rsa


def sign(message, step, rsa):
    algorithm = step.get("algorithm", "rsa-sha256")
    header, body = step.get("canonicalization", "relaxed/relaxed").split("/")
    names = step.get("names")
    return dkim.sign(
        message,
        step["selector"].encode(),
        step["domain"].encode(),
        private_key(algorithm, rsa),
        identity=step["identity"].encode() if "identity" in step else None,
        canonicalize=(header.encode(), body.encode()),
        signature_algorithm=algorithm.encode(),
        include_headers=[name.encode() for name in names] if names else None,
        length=step.get("length", False),
    )


def seal(message, step, rsa):
    fields = dkim.arc_sign(
        message,
        step["selector"].encode(),
        step["domain"].encode(),
        rsa,
        step["server"].encode(),
    )
    return b"".join(fields)


request = json.load(sys.stdin)
rsa = request["rsa"].encode()
signed = []
for job in request["jobs"]:
    message = job["message"].encode("latin1")
    for step in job["steps"]:
        if "sign" in step:
            message = sign(message, step["sign"], rsa) + message
        elif "seal" in step:
            message = seal(message, step["seal"], rsa) + message
        else:
            message = step["prepend"].encode("latin1") + message
    signed.append(message.decode("latin1"))
json.dump({"ed25519": base64.b64encode(bytes(ED25519.verify_key)).decode(), "signed": signed}, sys.stdout)
