using VirtioFsStore.Daemon.Commands;

return ProgramCommand.Run(args);
