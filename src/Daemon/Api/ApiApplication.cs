using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Api;

/// <summary>Between the HTTP server and the endpoints: every request has an answer, and every failure nydusd's form.</summary>
/// <param name="endpoints">Answer.</param>
/// <param name="logger">Is told what was asked.</param>
/// <param name="stop">The daemon ends.</param>
sealed class ApiApplication(ApiEndpoints endpoints, ILogger logger, CancellationToken stop) : IHttpApplication<HttpContext>
{
    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        var answer = await AnswerAsync(context).ConfigureAwait(false);
        Log.ApiAnswered(logger, context.Request.Method, Target(context), answer.Status);
        context.Response.StatusCode = answer.Status;
        if (answer.Body is not { } body)
            return;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    async Task<ApiAnswer> AnswerAsync(HttpContext context)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, context.RequestAborted);
        try
        {
            return await endpoints.AnswerAsync(context.Request, either.Token).ConfigureAwait(false);
        }
        catch (ApiException exception)
        {
            return ApiAnswer.Error(exception.Status, exception.Message);
        }
        catch (MountException exception)
        {
            Log.ApiRefused(logger, context.Request.Method, Target(context), PlainText.Of(exception.Message));
            return ApiAnswer.Error(500, exception.Message);
        }
        catch (BadHttpRequestException exception)
        {
            return ApiAnswer.Error(exception.StatusCode, exception.Message);
        }
        catch (OperationCanceledException)
        {
            return ApiAnswer.Error(503, "The daemon is ending; nothing was done.");
        }
        catch (Exception exception)
        {
            Log.ApiFailed(logger, context.Request.Method, Target(context), exception);
            return ApiAnswer.Error(500, "A defect of this program; its log says more.");
        }
    }

    /// <summary>For the log: as it came, in which there is nothing but ASCII without control characters.</summary>
    static string Target(HttpContext context) => context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
}
