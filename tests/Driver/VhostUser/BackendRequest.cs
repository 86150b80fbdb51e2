namespace VirtioFsStore.Driver.VhostUser;

/// <summary>Requests of the back-end, on the channel of SET_BACKEND_REQ_FD.</summary>
public enum BackendRequest : uint
{
    IotlbMsg = 1,
    ConfigChange = 2,

    /// <summary>VHOST_USER_SLAVE_FS_MAP of the VMMs that virtiofsd's makers patched, 2019 to 2022.</summary>
    SlaveFsMap = 6,
    SlaveFsUnmap = 7,
    ShmemMap = 9,
    ShmemUnmap = 10,
}
