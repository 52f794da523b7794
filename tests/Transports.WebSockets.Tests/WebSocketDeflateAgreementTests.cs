namespace Transports.WebSockets.Tests;

/// <summary>The negotiation of permessage-deflate (RFC 7692, section 7.1).</summary>
public sealed class WebSocketDeflateAgreementTests
{
    private const string Both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    [Theory]
    [InlineData("permessage-deflate", Both)]
    [InlineData("permessage-deflate; client_max_window_bits", Both)]
    [InlineData("permessage-deflate; client_max_window_bits=8", Both)]
    [InlineData("permessage-deflate; client_max_window_bits=\"15\"", Both)]
    [InlineData("permessage-deflate;server_no_context_takeover ;client_no_context_takeover", Both)]
    [InlineData("permessage-deflate; server_max_window_bits=15", Both)]
    [InlineData("permessage-deflate; server_max_window_bits=10", Both + "; server_max_window_bits=10")]
    [InlineData("permessage-deflate; server_max_window_bits=\"8\"", Both + "; server_max_window_bits=8")]
    [InlineData("permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9", Both + "; server_max_window_bits=9")]
    [InlineData("permessage-deflate; unknown", null)]
    [InlineData("permessage-deflate; server_no_context_takeover; server_no_context_takeover", null)]
    [InlineData("permessage-bzip2", null)]
    [InlineData("", null)]
    [InlineData("permessage-deflate; client_max_window_bits=7", null)]
    [InlineData("permessage-deflate; client_max_window_bits=16", null)]
    [InlineData("permessage-deflate; client_max_window_bits=08", null)]
    [InlineData("permessage-deflate; client_max_window_bits=abc", null)]
    [InlineData("permessage-deflate; client_max_window_bits=", null)]
    [InlineData("permessage-deflate; client_max_window_bits=99999999999", null)]
    [InlineData("permessage-deflate; server_max_window_bits", null)]
    [InlineData("permessage-deflate; server_max_window_bits=7", null)]
    [InlineData("permessage-deflate; server_max_window_bits=16", null)]
    [InlineData("permessage-deflate; server_no_context_takeover=1", null)]
    [InlineData("permessage-deflate; client_no_context_takeover=true", null)]
    [InlineData("permessage-deflate; client_no_context_takeover=", null)]
    public void FromOffers_Offer_IsTakenWhenItIsValid(string offer, string? answer)
        => (WebSocketDeflateAgreement.FromOffers([offer])?.Answer).Should().Be(answer);

    [Theory]
    [InlineData("permessage-deflate; server_no_context_takeover", 15)]
    [InlineData(Both, 15)]
    [InlineData(Both + "; client_max_window_bits=10", 10)]
    [InlineData(Both + "; server_max_window_bits=8; client_max_window_bits=\"9\"", 9)]
    public void FromAnswer_ToTheOffer_IsTheWindowToKeepTo(string answer, int bits)
    {
        var agreement = WebSocketDeflateAgreement.FromAnswer([answer])!;
        agreement.WindowBits.Should().Be(bits);
        agreement.MaxMessage.Should().Be(bits == 15 ? int.MaxValue : 1 << bits);
    }

    [Theory]
    [InlineData("permessage-deflate")]
    [InlineData(Both + "; server_max_window_bits=99")]
    [InlineData(Both + "; server_max_window_bits=abc")]
    [InlineData(Both + "; server_max_window_bits")]
    [InlineData(Both + "; client_max_window_bits")]
    [InlineData(Both + "; client_max_window_bits=16")]
    [InlineData("permessage-deflate; server_no_context_takeover=1")]
    [InlineData(Both + "; unknown")]
    [InlineData(Both + ", permessage-bzip2")]
    [InlineData("permessage-bzip2")]
    public void FromAnswer_NotToTheOffer_IsRefused(string answer)
        => FluentActions.Invoking(() => WebSocketDeflateAgreement.FromAnswer([answer])).Should().Throw<TransportException>();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void FromAnswer_None_IsNoCompression(string? answer)
        => WebSocketDeflateAgreement.FromAnswer(answer is null ? [] : [answer]).Should().BeNull();

    [Fact]
    public void Offer_ByTheClient_IsTakenByTheServer()
        => WebSocketDeflateAgreement.FromOffers([WebSocketDeflateAgreement.Offer])!.Answer.Should().Be(Both);
}
