"""What is done with whole trees."""

import os
import stat


def clear(name, parent=None):
    """Removes a directory with all that is in it, however long the path to it is."""
    directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
    try:
        for entry in os.listdir(directory):
            if stat.S_ISDIR(os.stat(entry, dir_fd=directory, follow_symlinks=False).st_mode):
                clear(entry, directory)
            else:
                os.unlink(entry, dir_fd=directory)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=parent)
