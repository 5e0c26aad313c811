"""Data that outlive an application: in a folder whose name holds a fingerprint of all that they are made from.

So data made with other parameters lie elsewhere, and are never taken for these.
"""

from hashlib import sha256

from sparkbed_application import Failed

PARAMETERS = "_parameters"
"""A file in the folder that says in words what the data are; Hadoop's readers pass over names that begin so."""
CODEC = "org.apache.hadoop.io.compress.DefaultCodec"


def parameter_lines(form, parameters):
    """What the data are, in words."""
    return "".join(f"{name}={value}\n" for name, value in {"form": form, **parameters}.items())


def folder_name(form, parameters):
    """The folder's name: the form of the records, and the fingerprint."""
    return f"{form}-{sha256(parameter_lines(form, parameters).encode()).hexdigest()[:16]}"


def stored_lines(context, location, form, parameters, lines, records):
    """The folder below `location` that holds `lines` as compressed text, and whether they have been written now.

    They are counted before they are kept: of what executors wrote to folders of their own, nobody finds all `records`.
    """

    def write(folder):
        lines.saveAsTextFile(folder, CODEC)
        found = context.textFile(folder).count()
        if found != records:
            raise Failed(
                f"{found} of {records} records were there after writing them to {location}: is it a folder that the "
                "driver and every executor share?"
            )

    return stored(context, location, form, parameters, write)


def stored(context, location, form, parameters, write):
    """The folder below `location` that holds these data, and whether `write(folder)` has made them now.

    They are written beside it and renamed when they are whole, so that a killed writer leaves nothing that is taken for
    data. Failed when the folder is there and does not say that it holds these, or is not there and `write` is None.
    """
    if holds(context, location, form, parameters):
        return target_path(context, location, form, parameters).toString(), False
    if write is None:
        raise Failed(f"{target_path(context, location, form, parameters)} is not there, and may not be made here")
    begun = begun_folder(context, location, form, parameters)
    try:
        write(begun)
        keep(context, begun, location, form, parameters)
    finally:
        remove(context, begun)
    return target_path(context, location, form, parameters).toString(), True


def holds(context, location, form, parameters):
    """Whether the data are there. Failed when their folder is, and does not say that it holds them."""
    target = target_path(context, location, form, parameters)
    files = file_system(context, target)
    if not files.exists(target):
        return False
    note = context._jvm.org.apache.hadoop.fs.Path(target, PARAMETERS)
    if not files.exists(note) or read_text(context, files, note) != parameter_lines(form, parameters):
        raise Failed(f"{target} does not say that it holds the data of these parameters: remove it")
    return True


def begun_folder(context, location, form, parameters, number=0):
    """Where data are written until they are whole: a folder of this application's; numbers tell several apart.

    Not hidden by a leading underscore: Hadoop's readers, who count in it, would pass over the folder itself.
    """
    name = f"{folder_name(form, parameters)}-{context.applicationId}-{number}"
    return context._jvm.org.apache.hadoop.fs.Path(location, name).toString()


def keep(context, begun, location, form, parameters):
    """Note in the folder `begun` what its data are, and rename it to where they are looked for."""
    hadoop = context._jvm.org.apache.hadoop.fs
    target = target_path(context, location, form, parameters)
    files = file_system(context, target)
    out = files.create(hadoop.Path(begun, PARAMETERS))
    out.write(bytearray(parameter_lines(form, parameters).encode()))
    out.close()
    if not files.rename(hadoop.Path(begun), target):
        raise Failed(f"{begun} can't be renamed to {target}")


def remove(context, folder):
    """Remove a folder, if it is there."""
    path = context._jvm.org.apache.hadoop.fs.Path(folder)
    file_system(context, path).delete(path, True)


def target_path(context, location, form, parameters):
    return context._jvm.org.apache.hadoop.fs.Path(location, folder_name(form, parameters))


def file_system(context, path):
    return path.getFileSystem(context._jsc.hadoopConfiguration())


def bytes_in(context, folder):
    """The size of the files in a folder, in bytes."""
    path = context._jvm.org.apache.hadoop.fs.Path(folder)
    return file_system(context, path).getContentSummary(path).getLength()


def read_text(context, files, path):
    """A small file's text."""
    stream = files.open(path)
    try:
        return context._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
    finally:
        stream.close()
