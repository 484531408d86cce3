"""The examples that cannot be run here: their syntax, and each of their fields by its place in the platform's schema."""
import re

import yaml

from guests import EXAMPLES

# What kubevirt.io/v1 has at the places that the example uses; None is a value. A list stands for each of its members.
CONTAINER_DISK = {"image": None, "imagePullPolicy": None, "imagePullSecret": None, "path": None}
KUBEVIRT = {
    "apiVersion": None, "kind": None, "metadata": {"name": None, "namespace": None, "labels": "any"},
    "spec": {"runStrategy": None, "template": {"metadata": {"labels": "any"}, "spec": {
        "domain": {
            "firmware": {"kernelBoot": {"kernelArgs": None, "container": {
                "image": None, "imagePullPolicy": None, "imagePullSecret": None, "kernelPath": None, "initrdPath": None}}},
            "resources": {"requests": {"memory": None, "cpu": None}},
            "devices": {"disks": [{"name": None, "serial": None, "shareable": None, "cache": None, "bootOrder": None,
                                   "disk": {"bus": None, "readonly": None}}]}},
        "volumes": [{"name": None, "containerDisk": CONTAINER_DISK,
                     "persistentVolumeClaim": {"claimName": None, "readOnly": None}}]}}}}
HEAT = {
    "OS::Cinder::Volume": {"image", "size", "read_only", "name", "volume_type", "availability_zone"},
    "OS::Nova::Server": {"image", "flavor", "networks", "name", "key_name", "block_device_mapping_v2", "user_data"},
    "OS::Cinder::VolumeAttachment": {"instance_uuid", "volume_id", "mountpoint"},
}
PROXMOX = {"name", "machine", "ostype", "memory", "cores", "scsihw", "args", "serial0", "vga", "onboot"}
PROXMOX_DRIVE = {"serial", "ro", "backup", "discard", "iothread", "cache", "format", "size", "snapshot"}
# Each file says which layer is whose, how a version is published, and when the old one may go.
ALL = ("libvirt.xml", "libvirt-rbd.xml", "openstack.yaml", "kubevirt.yaml", "proxmox.conf", "qemu-qcow2", "qemu-nbd-fleet")
TOLD = {"which layer is shared": "shared", "which is private": "private", "how a new version is published": r"[Aa] new version",
        "that nothing is overwritten": r"[Nn]ever", "when the old one may go": r"may go"}


def unknown(value, schema, place):
    """Fields that the schema does not have, with the way to them."""
    if schema is None or schema == "any":
        return [f"{place} is not a plain value"] if schema is None and isinstance(value, (dict, list)) else []
    if isinstance(schema, list):
        return [e for i, member in enumerate(value) for e in unknown(member, schema[0], f"{place}[{i}]")]
    return [e for key, member in value.items()
            for e in (unknown(member, schema[key], f"{place}.{key}") if key in schema else [f"no field {place}.{key}"])]


def kubevirt(_shelf, _directory):
    machine = yaml.safe_load((EXAMPLES / "kubevirt.yaml").read_text())
    errors = unknown(machine, KUBEVIRT, "")
    if (machine["apiVersion"], machine["kind"]) != ("kubevirt.io/v1", "VirtualMachine"):
        errors.append("not a VirtualMachine of kubevirt.io/v1")
    spec = machine["spec"]["template"]["spec"]
    disks, volumes = spec["domain"]["devices"]["disks"], spec["volumes"]
    if [d["name"] for d in disks] != [v["name"] for v in volumes]:
        errors.append("disks and volumes do not belong together")
    errors += [f"disk {d['name']}: its serial is {d.get('serial')}" for d in disks if d.get("serial") != d["name"]]
    errors += [f"disk {d['name']} is writable" for d in disks if d["name"] != "state" and not d["disk"].get("readonly")]
    return errors


def references(value):
    if isinstance(value, dict):
        for key, member in value.items():
            if key in ("get_param", "get_resource"):
                yield member
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def openstack(_shelf, _directory):
    text = (EXAMPLES / "openstack.yaml").read_text()
    template = yaml.safe_load(text)
    errors = [f"no such section: {key}" for key in set(template) - {"heat_template_version", "description", "parameters",
                                                                     "resources", "outputs"}]
    for name, resource in template["resources"].items():
        known = HEAT.get(resource["type"], set())
        errors += [f"{name}: {resource['type']} has no {key}" for key in set(resource["properties"]) - known]
        errors += [f"{name}: no such member: {key}" for key in set(resource) - {"type", "properties", "depends_on"}]
    named = set(template["parameters"]) | set(template["resources"])
    errors += [f"nothing is called {name}" for name in references(template) if name not in named]
    for word in ("kernel_id=", "ramdisk_id=", "os_command_line=", "PARTLABEL", "layerboot-system", "layerboot-user"):
        if word not in text:
            errors.append(f"it does not tell of {word}")
    return errors


def proxmox(_shelf, _directory):
    errors, serials = [], {}
    for line in (EXAMPLES / "proxmox.conf").read_text().splitlines():
        if line.startswith("#"):
            continue
        if not (m := re.fullmatch(r"([a-z]+[0-9]*): (\S.*)", line)):
            errors.append(f"no option: {line}")
        elif not re.fullmatch(r"(virtio|scsi)[0-9]+", m[1]):
            errors += [] if m[1] in PROXMOX else [f"qm.conf has no {m[1]}"]
        else:
            volume, *options = m[2].split(",")
            words = dict(option.split("=") for option in options)
            errors += [f"{m[1]} has no {key}" for key in set(words) - PROXMOX_DRIVE]
            if not re.fullmatch(r"[a-z]+:[0-9]+/\S+", volume):
                errors.append(f"no volume: {volume}")
            serials[words.get("serial")] = words.get("ro")
    if serials != {"system": "1", "user": "1", "state": None}:
        errors.append(f"the disks: {serials}")
    return errors


def told(_shelf, _directory):
    return [f"{name} does not say {what}" for name in ALL for what, pattern in TOLD.items()
            if not re.search(pattern, (EXAMPLES / name).read_text())]


TESTS = [("examples: each says what is shared, private, published and when the old may go", told),
         ("KubeVirt: fields and disks", kubevirt), ("OpenStack: fields and references", openstack),
         ("Proxmox: options and disks", proxmox)]
