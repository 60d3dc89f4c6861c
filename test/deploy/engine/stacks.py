"""What moto's CloudFormation lacks of stacks: functions, protection, change sets, roll-back, what is retained, and replacement."""

import ipaddress
import itertools

from moto.cloudformation import cloudformation_backends, models, parsing, responses
from moto.cloudformation.exceptions import CloudFormationError
from moto.core.responses import EmptyResult

clean_json = parsing.clean_json
# A stack that rolls back is given what it was given before.
RESOLVED = {}


def clean(node, resources):
    """Fn::GetStackOutput, the output of another stack, which must be there; and Fn::Cidr."""
    if isinstance(node, dict) and "Fn::GetStackOutput" in node:
        wanted = clean(node["Fn::GetStackOutput"], resources)
        backend = cloudformation_backends[resources._account_id][resources._region_name]
        for output in backend.get_stack(wanted["StackName"]).output_map.values():
            if output.key == wanted["OutputName"]:
                RESOLVED[wanted["StackName"], wanted["OutputName"]] = output.value
                return output.value
        if getattr(resources, "is_rolling_back", False):
            return RESOLVED[wanted["StackName"], wanted["OutputName"]]
        raise parsing.ValidationError(message=f"no output {wanted['OutputName']} in stack {wanted['StackName']}")
    if isinstance(node, dict) and "Fn::Cidr" in node:
        block, count, bits = (clean(each, resources) for each in node["Fn::Cidr"])
        network = ipaddress.ip_network(block, strict=False)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(bits))
        return [str(each) for each in itertools.islice(subnets, int(count))]
    return clean_json(node, resources)


parsing.clean_json = clean

# --- stacks ---------------------------------------------------------------------------------------------------


def update_termination_protection(self):
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
    return EmptyResult()


responses.CloudFormationResponse.update_termination_protection = update_termination_protection

delete_stack = models.CloudFormationBackend.delete_stack


def delete_unless_protected(self, name_or_stack_id):
    stack = self.get_stack(name_or_stack_id)
    if stack.enable_termination_protection:
        raise parsing.ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    return delete_stack(self, name_or_stack_id)


models.CloudFormationBackend.delete_stack = delete_unless_protected



class ChangeSetNotFound(CloudFormationError):
    code = "ChangeSetNotFound"


def of_its_stack(method):
    """moto looks for a change set by its name in all stacks."""

    def call(self):
        get, stack_name = self._get_param, self._get_param("StackName")

        def get_with_id(name, *default):
            if name != "ChangeSetName":
                return get(name, *default)
            for change_set in self.cloudformation_backend.change_sets.values():
                if get(name) in (change_set.change_set_id, change_set.change_set_name) and stack_name in (
                    None,
                    change_set.stack_id,
                    change_set.stack_name,
                ):
                    return change_set.change_set_id
            raise ChangeSetNotFound(f"ChangeSet [{get(name)}] does not exist")

        self._get_param = get_with_id
        return method(self)

    return call


for action in ("delete_change_set", "describe_change_set", "execute_change_set"):
    setattr(responses.CloudFormationResponse, action, of_its_stack(getattr(responses.CloudFormationResponse, action)))

delete_change_set = responses.CloudFormationResponse.delete_change_set


def delete_if_there(self):
    """CloudFormation does not mind a change set that is not there."""
    try:
        return delete_change_set(self)
    except ChangeSetNotFound:
        return EmptyResult()


responses.CloudFormationResponse.delete_change_set = delete_if_there

execute_change_set = models.CloudFormationBackend.execute_change_set


def find_change_set(backend, name):
    return next(each for each in backend.change_sets.values() if name in (each.change_set_id, each.change_set_name))


def set_outputs(stack):
    """moto forgets the outputs of a stack that a change set made."""
    stack._parse_template()
    stack.output_map = stack._create_output_map()


def execute_or_roll_back(self, change_set_name, stack_name=None):
    """moto leaves a stack as it is where a change fails."""
    change_set = find_change_set(self, change_set_name)
    stack = self.stacks[change_set.stack_id]
    resources = stack.resource_map
    before = (resources._template, dict(resources.input_parameters))
    is_new = change_set.change_set_type == "CREATE"
    try:
        execute_change_set(self, change_set.change_set_id, stack_name)
    except Exception as error:
        action = "CREATE" if is_new else "UPDATE"
        stack._add_stack_event(f"{action}_FAILED", resource_status_reason=str(error))
        print("failed", type(error).__name__, error, flush=True)
        resources.is_rolling_back = True
        if is_new:
            resources.delete()
        else:
            resources.update(*before)
        resources.is_rolling_back = False
        stack.status = "ROLLBACK_COMPLETE" if is_new else "UPDATE_ROLLBACK_COMPLETE"
        stack._add_stack_event(stack.status)
        change_set.execution_status = "EXECUTE_FAILED"
        return
    set_outputs(stack)


models.CloudFormationBackend.execute_change_set = execute_or_roll_back

delete_resource = parsing.ResourceMap._delete_resource


def delete_unless_retained(self, resource, resource_json):
    """moto forgets the policy when an update removes a resource, and does not know RetainExceptOnCreate."""
    policy = resource_json.get("DeletionPolicy")
    if policy == "Retain" or policy == "RetainExceptOnCreate" and not getattr(self, "is_rolling_back", False):
        return
    delete_resource(self, resource, resource_json)


def delete_last_made_first(self, names=None, resource_jsons=None):
    """moto deletes in any order."""
    resource_jsons = self._resource_json_map if resource_jsons is None else resource_jsons
    for attempt in range(5):
        failures = []
        for name in reversed(list(self._parsed_resources)):
            resource, resource_json = self._parsed_resources[name], resource_jsons.get(name)
            if resource is None or resource_json is None or names is not None and name not in names:
                continue
            try:
                self._delete_resource(resource, resource_json)
                del self._parsed_resources[name]
            except Exception as error:
                failures.append(error)
        if not failures:
            return
    raise failures[0]


def references(node):
    """The names of the resources that a part of a template refers to."""
    if isinstance(node, list):
        return {name for each in node for name in references(each)}
    if not isinstance(node, dict):
        return set()
    found = {name for each in node.values() for name in references(each)}
    if isinstance(node.get("Ref"), str):
        found.add(node["Ref"])
    if "Fn::GetAtt" in node:
        found.add(node["Fn::GetAtt"][0])
    return found


def in_order(resource_jsons):
    """Each resource after those that it refers to or depends on."""
    ordered = []

    def visit(name, path=()):
        if name in ordered or name in path or name not in resource_jsons:
            return
        depends = resource_jsons[name].get("DependsOn", [])
        for other in sorted(references(resource_jsons[name]) | set([depends] if isinstance(depends, str) else depends)):
            visit(other, (*path, name))
        ordered.append(name)

    for name in resource_jsons:
        visit(name)
    return ordered


def physical_id(resource):
    return getattr(resource, "physical_resource_id", None)


def update(self, template, parameters=None):
    """moto changes in any order, removes before it creates, keeps what it removed in mind, and does not update what
    refers to a resource that was replaced."""
    diff = self.build_resource_diff(template, parameters)
    before = self._resource_json_map
    self._template = template
    if parameters:
        self.input_parameters = parameters
    self.load_mapping()
    self.load_parameters()
    self.load_conditions()
    self._resource_json_map = template["Resources"]
    replaced = set()
    for name in in_order(template["Resources"]):
        resource_json = template["Resources"][name]
        if self._parsed_resources.get(name) is None:
            self._parsed_resources.pop(name, None)
            _ = self[name]
        elif name in diff["Add"] or name in diff["Modify"] or references(resource_json) & replaced:
            changed = parsing.parse_and_update_resource(name, resource_json, self, self._account_id, self._region_name)
            if physical_id(changed) != physical_id(self._parsed_resources[name]):
                replaced.add(name)
            self._parsed_resources[name] = changed
    delete_last_made_first(self, diff["Remove"], before)


parsing.ResourceMap.update = update
parsing.ResourceMap.delete = delete_last_made_first
parsing.ResourceMap._delete_resource = delete_unless_retained

update_resource = parsing.parse_and_update_resource


def update_or_keep(logical_id, resource_json, resources, account_id, region_name):
    """moto drops a resource whose type it cannot update."""
    updated = update_resource(logical_id, resource_json, resources, account_id, region_name)
    return resources[logical_id] if updated is None else updated


parsing.parse_and_update_resource = update_or_keep

parse_ssm_parameter = parsing.ResourceMap.parse_ssm_parameter


def parse_once(self, value, value_type):
    """moto gives a later change set what the parameter was resolved to, and resolves that again."""
    try:
        return parse_ssm_parameter(self, value, value_type)
    except AttributeError:
        return value


parsing.ResourceMap.parse_ssm_parameter = parse_once
