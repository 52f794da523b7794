namespace Transports;

internal enum ModelRole
{
    Sender,
    Receiver,
    Ender,
}
