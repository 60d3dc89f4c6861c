"""The rights of the roles that a stack made: each call with their credentials is checked, its signature, its action and its
resource. moto checks no conditions of an identity's policy. Every other caller may do everything.
"""

from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import JsonRESTError, _RESTError
from moto.dynamodb.responses import DynamoHandler
from moto.iam import access_control
from moto.kms.responses import KmsResponse
from moto.secretsmanager import secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sns.responses import SNSResponse
from moto.sts.models import sts_backends
from urllib.parse import urlparse

# The names of the stacks, with which CloudFormation begins the names of their roles.
OWN_ROLES = ("Mailsluice-",)


def is_own_role(self):
    token = self.headers.get("X-Amz-Security-Token")
    for assumed in sts_backends[self.current_account]["aws"].assumed_roles:
        if token is not None and assumed.session_token == token:
            return assumed.role_arn.split("/")[-1].startswith(OWN_ROLES)
    return False


def authorize_own_role(self, request_class, resource="*"):
    """moto's own check, for these roles alone, and whatever was called before."""
    if not is_own_role(self):
        return
    query = urlparse(self.uri).query
    request = request_class(
        account_id=self.current_account,
        method=self.method,
        path=f"{self.raw_path}?{query}" if query else self.raw_path,
        data=self.data,
        body=self.raw_body,
        headers=self.headers,
        action=self._get_action(),
    )
    request.check_signature()
    request.check_action_permitted(resource)


ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize_own_role

# --- what a call is about, of which moto knows only buckets, queues and roles ----------------------------------


def topic(self):
    return self._get_param("TopicArn") or "*"


def table(self):
    return f"arn:aws:dynamodb:{self.region}:{self.current_account}:table/{self.body.get('TableName', '*')}"


def secret(self):
    wanted = self._get_param("SecretId")
    for each in secretsmanager_backends[self.current_account][self.region].secrets.values():
        if wanted in (each.arn, each.name):
            return each.arn
    return "*"


def named(parameter):
    return lambda self: self._get_param(parameter) or "*"


SNSResponse._determine_resource = topic
DynamoHandler._determine_resource = table
SecretsManagerResponse._determine_resource = secret
AWSCertificateManagerResponse._determine_resource = named("CertificateArn")
KmsResponse._determine_resource = named("KeyId")

# --- the answer, in the words of each service ------------------------------------------------------------------


class AuthorizationError(_RESTError):
    code = 403

    def __init__(self, message):
        super().__init__("AuthorizationError", message)


def refuse(self):
    message = f"User: {self._access_key.arn} is not authorized to perform: {self._action}"
    print("denied", self._action, flush=True)
    if self._service == "sns":
        raise AuthorizationError(message)
    raise JsonRESTError("AccessDeniedException", message)


access_control.IAMRequest._raise_access_denied = refuse

refuse_s3 = access_control.S3IAMRequest._raise_access_denied


def refuse_and_tell(self):
    print("denied", self._action, flush=True)
    refuse_s3(self)


access_control.S3IAMRequest._raise_access_denied = refuse_and_tell
