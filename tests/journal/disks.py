"""A disk that fails on demand: an SQLite VFS between SQLite and the real one."""

import apsw


class FaultyDisk(apsw.VFS):
    """Passes everything on until told to fail.

    ``failing`` holds (operation, end of the file's name) → the extended result code.
    """

    def __init__(self, name):
        self.name = name
        self.failing = {}
        self.syncs = []
        super().__init__(name, "")

    def xOpen(self, name, flags):  # noqa: N802
        return FaultyFile(self, name, flags)

    def check(self, operation, path):
        for (wanted, end), code in self.failing.items():
            if wanted == operation and path.endswith(end):
                error = apsw.IOError(f"{operation} of {path} fails")
                error.result, error.extendedresult = apsw.SQLITE_IOERR, code
                raise error


class FaultyFile(apsw.VFSFile):
    def __init__(self, disk, name, flags):
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xSync(self, flags):  # noqa: N802
        self.disk.check("sync", self.path)
        self.disk.syncs.append(self.path.rpartition("/")[2])
        super().xSync(flags)

    def xWrite(self, data, offset):  # noqa: N802
        self.disk.check("write", self.path)
        super().xWrite(data, offset)
