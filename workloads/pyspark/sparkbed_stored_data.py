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


def stored_folder(context, location, form, parameters, lines):
    """The folder below `location` that holds `lines` as compressed text, and whether they have been written now.

    They are written beside it and renamed when they are whole, so that a killed writer leaves nothing that is taken for
    data. Failed when the folder is there and does not say that it holds these.
    """
    hadoop = context._jvm.org.apache.hadoop
    name, words = folder_name(form, parameters), parameter_lines(form, parameters)
    target = hadoop.fs.Path(location, name)
    files = target.getFileSystem(context._jsc.hadoopConfiguration())
    note = hadoop.fs.Path(target, PARAMETERS)
    if files.exists(target):
        if not files.exists(note) or read_text(context, files, note) != words:
            raise Failed(f"{target} does not say that it holds the data of these parameters: remove it")
        return target.toString(), False
    begun = hadoop.fs.Path(location, f"_{name}-{context.applicationId}")
    try:
        lines.saveAsTextFile(begun.toString(), CODEC)
        out = files.create(hadoop.fs.Path(begun, PARAMETERS))
        out.write(bytearray(words.encode()))
        out.close()
        if not files.rename(begun, target):
            raise Failed(f"{begun} can't be renamed to {target}")
    finally:
        files.delete(begun, True)
    return target.toString(), True


def read_text(context, files, path):
    """A small file's text."""
    stream = files.open(path)
    try:
        return context._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
    finally:
        stream.close()
