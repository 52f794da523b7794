// A hosted server that tests stop by a signal, with: <address> <last messages> <PEM file with certificate and key>. It prints where it listens. Each
// handler says hello, receives until the server stops, then sends its last messages, flushes and returns.
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Transports;

var lastMessages = int.Parse(args[1], CultureInfo.InvariantCulture);
var certificate = new PemCertificateProvider(args[2]);
var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
builder.Services.AddTransports()
    .AddTcp(options => options.TlsServer.CertificateSelector = certificate.GetCertificateContext)
    .AddKestrel(options => options.Tls.CertificateSelector = certificate.GetCertificateContext);
builder.Services.AddMessageServer("stopping", args[0], ServeAsync);
using var host = builder.Build();
await host.StartAsync();
Console.WriteLine(host.Services.GetRequiredKeyedService<HostedMessageServer>("stopping").LocalAddress);

// Ends when the signal has come and everything has stopped.
await host.WaitForShutdownAsync();
return 0;

async Task ServeAsync(IMessageChannel channel, CancellationToken stopping)
{
    await channel.SendAsync("hello", stopping);
    try
    {
        while (await channel.ReceiveAsync(stopping) is not null)
        {
        }
    }
    catch (OperationCanceledException)
    {
        for (var i = 0; i < lastMessages; i++)
        {
            await channel.SendAsync(new[] { (byte)i }, CancellationToken.None);
        }

        await channel.FlushAsync(CancellationToken.None);
    }
}
