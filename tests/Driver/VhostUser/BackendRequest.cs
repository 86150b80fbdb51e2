namespace VirtioFsStore.Driver.VhostUser;

/// <summary>Requests of the back-end, on the channel of SET_BACKEND_REQ_FD.</summary>
public enum BackendRequest : uint
{
    IotlbMsg = 1,
    ConfigChange = 2,
    ShmemMap = 9,
    ShmemUnmap = 10,
}
