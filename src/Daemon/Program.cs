using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.ServerProcesses;

return args is [ServerProcess.Argument] ? ServerProcess.Run() : ProgramCommand.Run(args);
