namespace Transports.Testing;

internal enum ModelRole
{
    Sender,
    Receiver,
    Ender,
}
