"""Places for whole files, a file a kind, loaded when one is named."""

from importlib import import_module

from pipeline.recovery.objects import Objects
from pipeline.recovery.place import Kind, Place

KINDS = {
    Kind.FOLDER: "runners.objects.folder:FolderObjects",
    Kind.S3: "runners.objects.s3:S3Objects",
    Kind.OSS: "runners.objects.oss:OssObjects",
}


def objects_of(place: Place) -> Objects:
    module, _, name = KINDS[place.kind].partition(":")
    made: Objects = getattr(import_module(module), name)(place)
    return made
